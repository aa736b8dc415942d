package com.example.approver

import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.PendingIntent
import android.content.Context
import android.util.Log
import com.auth0.android.guardian.sdk.Guardian
import com.auth0.android.guardian.sdk.GuardianException
import com.google.firebase.messaging.FirebaseMessagingService
import com.google.firebase.messaging.RemoteMessage
import java.io.IOException
import kotlinx.coroutines.runBlocking

/** Step 4: the push. It is data only, so this runs whether the app is open or not. */
class PushService : FirebaseMessagingService() {

    override fun onMessageReceived(message: RemoteMessage) = tell(this, message.data)

    override fun onNewToken(token: String) {
        // The service calls this on a thread of its own and lives until it returns.
        try {
            runBlocking { Phone(this@PushService).pushTokenIs(token) }
        } catch (error: IOException) {
            Log.w(TAG, "the server does not know the new push token", error)
        } catch (error: GuardianException) {
            Log.w(TAG, "the server refused the new push token", error)
        }
    }

    companion object {
        private const val TAG = "Approver"
        private const val CHANNEL = "requests"

        /** Step 4: parses the push and tells the person that somebody asks, not what: that is fetched. */
        fun tell(context: Context, data: Map<String, String>) {
            val notification = Guardian.parseNotification(data) ?: return
            if (Phone(context).account?.id != notification.enrollmentId) return
            val open = PendingIntent.getActivity(
                context,
                notification.transactionToken.hashCode(),
                ApprovalActivity.intent(context, notification),
                PendingIntent.FLAG_IMMUTABLE or PendingIntent.FLAG_UPDATE_CURRENT,
            )
            val manager = context.getSystemService(NotificationManager::class.java)
            manager.createNotificationChannel(
                NotificationChannel(CHANNEL, "Requests", NotificationManager.IMPORTANCE_HIGH),
            )
            val shown = android.app.Notification.Builder(context, CHANNEL)
                .setSmallIcon(android.R.drawable.ic_dialog_info)
                .setContentTitle("${notification.browserName ?: "Somebody"} asks for your approval")
                .setContentIntent(open)
                .setAutoCancel(true)
                .build()
            manager.notify(notification.transactionToken.hashCode(), shown)
        }
    }
}
