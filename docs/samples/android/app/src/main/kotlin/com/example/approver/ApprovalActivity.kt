package com.example.approver

import android.content.Context
import android.content.Intent
import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.activity.compose.setContent
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.safeDrawingPadding
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.Button
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedButton
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.setValue
import androidx.compose.ui.Modifier
import androidx.compose.ui.unit.dp
import androidx.core.content.IntentCompat
import androidx.lifecycle.lifecycleScope
import com.auth0.android.guardian.sdk.GuardianException
import com.auth0.android.guardian.sdk.ParcelableNotification
import com.auth0.android.guardian.sdk.RichConsent
import com.google.gson.GsonBuilder
import java.io.IOException
import kotlinx.coroutines.launch

/** Step 6: what is asked, in full, before any button can be pressed. */
class ApprovalActivity : ComponentActivity() {
    private val phone by lazy { Phone(this) }
    private var consent by mutableStateOf<RichConsent?>(null)
    private var message by mutableStateOf("Loading …")

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        val notification = IntentCompat.getParcelableExtra(intent, NOTIFICATION, ParcelableNotification::class.java)
        val account = phone.account
        if (notification == null || account == null) return finish()
        attempt {
            consent = phone.consent(notification, account)
            message = if (consent == null) "There are no details." else ""
        }
        setContent { MaterialTheme { Screen(notification, account) } }
    }

    @Composable
    private fun Screen(notification: ParcelableNotification, account: Account) {
        Column(
            Modifier.safeDrawingPadding().padding(16.dp).verticalScroll(rememberScrollState()),
            verticalArrangement = Arrangement.spacedBy(8.dp),
        ) {
            consent?.let {
                Details(notification, it)
                // Nobody can agree to what they cannot read: without details there is no such button.
                Button(onClick = { answer { phone.allow(notification, account) } }) { Text("Allow") }
            }
            OutlinedButton(onClick = { answer { phone.reject(notification, account, "mistake") } }) { Text("Reject") }
            OutlinedButton(onClick = { answer { phone.reject(notification, account, "hack") } }) {
                Text("I asked for nothing")
            }
            Text(message)
        }
    }

    @Composable
    private fun Details(notification: ParcelableNotification, consent: RichConsent) {
        val requested = consent.requestedDetails
        Text(requested.bindingMessage.orEmpty(), style = MaterialTheme.typography.headlineSmall)
        Text("Asked by ${notification.browserName ?: "unknown"} at ${notification.date}, until ${consent.expiresAt}")
        Text("For ${requested.audience}")
        Text("Scopes: ${requested.scope.joinToString(" ")}")
        // All of them, whatever their type: what an app does not know must be seen all the same.
        requested.authorizationDetails.forEach {
            Text(READABLE.toJson(it), style = MaterialTheme.typography.bodySmall)
        }
    }

    private fun answer(step: suspend () -> Unit) = attempt {
        step()
        finish()
    }

    private fun attempt(step: suspend () -> Unit) {
        lifecycleScope.launch {
            try {
                step()
            } catch (error: IOException) {
                message = "The server cannot be reached: ${error.message}"
            } catch (error: GuardianException) {
                // Answered elsewhere, too late, or withdrawn by the client.
                message = if (error.isLoginTransactionNotFound) "This is over." else "Refused: ${error.errorCode}"
            }
        }
    }

    companion object {
        private const val NOTIFICATION = "notification"
        private val READABLE = GsonBuilder().setPrettyPrinting().create()

        fun intent(context: Context, notification: ParcelableNotification): Intent =
            Intent(context, ApprovalActivity::class.java)
                .putExtra(NOTIFICATION, notification)
                .addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
    }
}
