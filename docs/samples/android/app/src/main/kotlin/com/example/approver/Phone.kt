package com.example.approver

import android.content.Context
import android.net.Uri
import android.os.Build
import com.auth0.android.guardian.sdk.ClientInfo
import com.auth0.android.guardian.sdk.CurrentDevice
import com.auth0.android.guardian.sdk.Guardian
import com.auth0.android.guardian.sdk.GuardianAPIClient
import com.auth0.android.guardian.sdk.GuardianAPIRequest
import com.auth0.android.guardian.sdk.GuardianException
import com.auth0.android.guardian.sdk.Notification
import com.auth0.android.guardian.sdk.RichConsent
import com.auth0.android.guardian.sdk.networking.RequestFactory
import com.google.firebase.FirebaseApp
import com.google.firebase.messaging.FirebaseMessaging
import com.google.gson.Gson
import java.security.KeyPairGenerator
import java.util.UUID
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.tasks.await
import kotlinx.coroutines.withContext
import okhttp3.OkHttpClient

/** The phone's five calls to the server: enroll, update, read the consent, answer, leave. */
class Phone(context: Context) {
    private val context = context.applicationContext

    // `domain` would encode the colon of a port; `url` takes the address as it is.
    private val server: Uri = Uri.parse(BuildConfig.GUARDIAN_URL)
    private val guardian = Guardian.Builder().url(server).build()

    val account: Account? get() = Account.load(context)

    /** Takes the text of the enrollment QR code (`otpauth://…`) or its bare ticket. */
    suspend fun enroll(text: String): Account {
        val keys = KeyPairGenerator.getInstance("RSA").apply { initialize(KEY_BITS) }.generateKeyPair()
        val device = CurrentDevice(context, pushToken(), Build.MODEL)
        return Account(guardian.enroll(text, device, keys).result()).also { it.save(context) }
    }

    /** Without a Firebase project a token of our own will do: `aizuchi dev` keeps its pushes in the tray. */
    suspend fun pushToken(): String {
        if (FirebaseApp.getApps(context).isNotEmpty()) return FirebaseMessaging.getInstance().token.await()
        val preferences = context.getSharedPreferences("tray", Context.MODE_PRIVATE)
        return preferences.getString("token", null)
            ?: "tray-${UUID.randomUUID()}".also { preferences.edit().putString("token", it).apply() }
    }

    /** Firebase gives an app another token now and then; pushes go to the last one the server knows. */
    suspend fun pushTokenIs(token: String) {
        val account = account ?: return
        GuardianAPIClient.Builder()
            .url(server)
            .setClientInfo(ClientInfo())
            .setRequestFactory(RequestFactory(Gson(), OkHttpClient()))
            .build()
            .device(account.id, account.userId, account.signingKey)
            .update(null, null, token)
            .result()
    }

    /** Step 5: what is asked, found by the notification's transaction linking id; null if there is no such record. */
    suspend fun consent(notification: Notification, account: Account): RichConsent? {
        if (notification.transactionLinkingId == null) return null
        return try {
            guardian.fetchConsent(notification, account).result()
        } catch (error: GuardianException) {
            if (error.isResourceNotFound) null else throw error
        }
    }

    /** Step 7: yes, signed with this phone's key. */
    suspend fun allow(notification: Notification, account: Account) {
        guardian.allow(notification, account).result()
    }

    /** Step 7: no. The reason stands in the server's log; `hack` means that the person asked for nothing. */
    suspend fun reject(notification: Notification, account: Account, reason: String) {
        guardian.reject(notification, account, reason).result()
    }

    suspend fun unenroll() {
        val account = account ?: return
        try {
            guardian.delete(account).result()
        } catch (error: GuardianException) {
            // An administrator may have removed the device before.
            if (!error.isEnrollmentNotFound) throw error
        }
        Account.forget(context)
    }

    /** Throws IOException when the server cannot be reached and GuardianException when it refuses. */
    private suspend fun <T> GuardianAPIRequest<T>.result(): T = withContext(Dispatchers.IO) { execute() }

    private companion object {
        const val KEY_BITS = 2048
    }
}
