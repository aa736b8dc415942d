package com.example.approver

import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import org.json.JSONObject

/** Step 4 without Firebase: takes a push from the tray of `aizuchi dev` by `adb shell am broadcast`. */
class TrayReceiver : BroadcastReceiver() {
    override fun onReceive(context: Context, intent: Intent) {
        val payload = JSONObject(intent.getStringExtra("payload") ?: return)
        PushService.tell(context, payload.keys().asSequence().associateWith(payload::getString))
    }
}
