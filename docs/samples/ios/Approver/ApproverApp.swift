// A phone that approves or refuses what a program asks of its owner, with Auth0's Guardian.swift.

import Guardian
import SwiftUI
import UserNotifications

@main
struct ApproverApp: App {
    @UIApplicationDelegateAdaptor(AppDelegate.self) private var delegate

    var body: some Scene {
        WindowGroup { RootView(phone: delegate.phone) }
    }
}

final class AppDelegate: NSObject, UIApplicationDelegate, UNUserNotificationCenterDelegate {
    let phone = Phone()

    func application(
        _ application: UIApplication,
        didFinishLaunchingWithOptions launchOptions: [UIApplication.LaunchOptionsKey: Any]? = nil
    ) -> Bool {
        let center = UNUserNotificationCenter.current()
        center.delegate = self
        // No actions on the notification itself: it does not say what is asked, so nobody should answer there.
        center.setNotificationCategories([
            UNNotificationCategory(
                identifier: AuthenticationCategory.default.identifier, actions: [], intentIdentifiers: [])
        ])
        center.requestAuthorization(options: [.alert, .sound]) { granted, _ in
            guard granted else { return self.phone.say("Without notifications nobody can ask you anything.") }
            DispatchQueue.main.async { application.registerForRemoteNotifications() }
        }
        return true
    }

    func application(_ application: UIApplication, didRegisterForRemoteNotificationsWithDeviceToken token: Data) {
        phone.pushTokenIs(token.map { String(format: "%02x", $0) }.joined())
    }

    func application(_ application: UIApplication, didFailToRegisterForRemoteNotificationsWithError error: Error) {
        phone.say("No push token: \(error.localizedDescription)")
    }

    // Step 4, with the app open.
    func userNotificationCenter(
        _ center: UNUserNotificationCenter, willPresent notification: UNNotification,
        withCompletionHandler done: @escaping (UNNotificationPresentationOptions) -> Void
    ) {
        phone.received(notification.request.content.userInfo)
        done([])
    }

    // Step 4, when the person taps the notification.
    func userNotificationCenter(
        _ center: UNUserNotificationCenter, didReceive response: UNNotificationResponse,
        withCompletionHandler done: @escaping () -> Void
    ) {
        phone.received(response.notification.request.content.userInfo)
        done()
    }
}
