package com.example.approver

import android.content.Context
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import android.util.Base64
import com.auth0.android.guardian.sdk.Enrollment
import java.io.File
import java.security.KeyFactory
import java.security.KeyStore
import java.security.PrivateKey
import java.security.PublicKey
import java.security.spec.PKCS8EncodedKeySpec
import java.security.spec.X509EncodedKeySpec
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec
import org.json.JSONObject

/** An enrollment as it is kept, in the shape that the SDK asks for. One-time codes are not kept. */
class Account(private val kept: JSONObject) : Enrollment {

    constructor(enrollment: Enrollment) : this(
        JSONObject()
            .put("id", enrollment.id)
            .put("userId", enrollment.userId)
            .put("deviceIdentifier", enrollment.deviceIdentifier)
            .put("deviceName", enrollment.deviceName)
            .put("notificationToken", enrollment.notificationToken)
            .put("deviceToken", enrollment.deviceToken)
            .put("signingKey", text(enrollment.signingKey.encoded))
            .put("publicKey", text(enrollment.publicKey.encoded)),
    )

    override fun getId(): String = kept.getString("id")
    override fun getUserId(): String = kept.getString("userId")
    override fun getDeviceIdentifier(): String = kept.getString("deviceIdentifier")
    override fun getDeviceName(): String = kept.getString("deviceName")
    override fun getNotificationToken(): String = kept.getString("notificationToken")
    override fun getDeviceToken(): String = kept.getString("deviceToken")
    override fun getSigningKey(): PrivateKey = rsa.generatePrivate(PKCS8EncodedKeySpec(bytes("signingKey")))
    override fun getPublicKey(): PublicKey = rsa.generatePublic(X509EncodedKeySpec(bytes("publicKey")))
    override fun getSecret(): String? = null
    override fun getAlgorithm(): String? = null
    override fun getDigits(): Int? = null
    override fun getPeriod(): Int? = null

    fun save(context: Context) {
        val cipher = Cipher.getInstance(CIPHER).apply { init(Cipher.ENCRYPT_MODE, storeKey()) }
        val sealed = cipher.doFinal(kept.toString().toByteArray())
        file(context).writeBytes(cipher.iv + sealed)
    }

    private fun bytes(name: String): ByteArray = Base64.decode(kept.getString(name), Base64.NO_WRAP)

    companion object {
        private const val STORE = "AndroidKeyStore"
        private const val ALIAS = "account"
        private const val CIPHER = "AES/GCM/NoPadding"
        private const val IV_BYTES = 12
        private const val TAG_BITS = 128
        private val rsa: KeyFactory get() = KeyFactory.getInstance("RSA")

        fun load(context: Context): Account? {
            val file = file(context)
            if (!file.exists()) return null
            val kept = file.readBytes()
            val iv = GCMParameterSpec(TAG_BITS, kept, 0, IV_BYTES)
            val cipher = Cipher.getInstance(CIPHER).apply { init(Cipher.DECRYPT_MODE, storeKey(), iv) }
            return Account(JSONObject(String(cipher.doFinal(kept, IV_BYTES, kept.size - IV_BYTES))))
        }

        fun forget(context: Context) {
            file(context).delete()
        }

        private fun text(bytes: ByteArray): String = Base64.encodeToString(bytes, Base64.NO_WRAP)

        private fun file(context: Context) = File(context.filesDir, "account")

        /** The SDK needs the RSA key itself, so it cannot live in the Keystore; the key that seals it does. */
        private fun storeKey(): SecretKey {
            val store = KeyStore.getInstance(STORE).apply { load(null) }
            (store.getKey(ALIAS, null) as? SecretKey)?.let { return it }
            val purposes = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
            val spec = KeyGenParameterSpec.Builder(ALIAS, purposes)
                .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
                .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
                .build()
            return KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, STORE).apply { init(spec) }.generateKey()
        }
    }
}
