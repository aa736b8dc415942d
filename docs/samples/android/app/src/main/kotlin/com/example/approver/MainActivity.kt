package com.example.approver

import android.Manifest
import android.os.Build
import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.activity.compose.setContent
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.safeDrawingPadding
import androidx.compose.material3.Button
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.setValue
import androidx.compose.ui.Modifier
import androidx.compose.ui.unit.dp
import androidx.lifecycle.lifecycleScope
import com.auth0.android.guardian.sdk.GuardianException
import com.google.mlkit.vision.codescanner.GmsBarcodeScanning
import java.io.IOException
import kotlinx.coroutines.launch

/** Enrolling and leaving. */
class MainActivity : ComponentActivity() {
    private val phone by lazy { Phone(this) }
    private var account by mutableStateOf<Account?>(null)
    private var message by mutableStateOf("")

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) {
            requestPermissions(arrayOf(Manifest.permission.POST_NOTIFICATIONS), 0)
        }
        account = phone.account
        setContent { MaterialTheme { Screen() } }
    }

    @Composable
    private fun Screen() {
        var text by remember { mutableStateOf("") }
        Column(
            Modifier.safeDrawingPadding().padding(16.dp),
            verticalArrangement = Arrangement.spacedBy(12.dp),
        ) {
            account?.let { enrolled ->
                Text("Enrolled as ${enrolled.userId}")
                Text("Device ${enrolled.id}")
                Text("Push token ${enrolled.notificationToken}", style = MaterialTheme.typography.bodySmall)
                Button(onClick = { attempt { phone.unenroll() } }) { Text("Unenroll") }
            } ?: run {
                Button(onClick = ::scan) { Text("Scan the code") }
                OutlinedTextField(text, { text = it }, label = { Text("Or paste its text") })
                Button(onClick = { attempt { phone.enroll(text) } }, enabled = text.isNotEmpty()) { Text("Enroll") }
            }
            Text(message)
        }
    }

    private fun scan() {
        GmsBarcodeScanning.getClient(this).startScan()
            .addOnSuccessListener { code -> code.rawValue?.let { attempt { phone.enroll(it) } } }
            .addOnFailureListener { message = it.message ?: "the scanner failed" }
    }

    private fun attempt(step: suspend () -> Unit) {
        lifecycleScope.launch {
            message = try {
                step()
                ""
            } catch (error: IOException) {
                "The server cannot be reached: ${error.message}"
            } catch (error: GuardianException) {
                "Refused: ${error.errorCode ?: error.message}"
            }
            account = phone.account
        }
    }
}
