// The phone's state and its five calls to the server: enroll, update, read the consent, answer, leave.
// The SDK calls back on a thread of its own; what is shown changes on the main one.

import Foundation
import Guardian

/// What is kept of an enrollment. The private key is in the Keychain, under `keyTag`.
struct Account: Codable {
    let id: String
    let userId: String
    /// As it was at enrollment: iOS gives an app another one when it is installed again.
    let localIdentifier: String
    let keyTag: String

    func device() throws -> Signer {
        Signer(signingKey: try KeychainRSAPrivateKey(tag: keyTag), localIdentifier: localIdentifier)
    }
}

struct Signer: AuthenticationDevice {
    let signingKey: SigningKey
    let localIdentifier: String
}

/// A request that waits for the person.
struct Asked: Identifiable {
    let notification: Guardian.Notification
    var details: Details

    enum Details {
        case loading
        case consent(Consent)
        case unknown(String)
    }

    var id: String { notification.transactionToken }
}

final class Phone: ObservableObject {
    @Published private(set) var account: Account?
    @Published var asked: Asked?
    @Published var message = ""

    private var pushToken: String?
    private let server = Bundle.main.object(forInfoDictionaryKey: "GuardianURL") as? String ?? ""
    private static let stored = "account"

    init() {
        account = UserDefaults.standard.data(forKey: Self.stored).flatMap { try? JSONDecoder().decode(Account.self, from: $0) }
    }

    func say(_ text: String) {
        DispatchQueue.main.async { self.message = text }
    }

    /// Takes the text of the enrollment QR code (`otpauth://…`) or its bare ticket.
    func enroll(with text: String) {
        guard let pushToken else { return say("There is no push token yet.") }
        do {
            // A key of its own for each enrollment: the same tag would give the same key again.
            let key = try KeychainRSAPrivateKey.new(with: "com.example.approver.\(UUID().uuidString)")
            let publicKey = try key.verificationKey()
            let request = text.hasPrefix("otpauth:")
                ? Guardian.enroll(
                    forDomain: server, usingUri: text, notificationToken: pushToken,
                    signingKey: key, verificationKey: publicKey)
                : Guardian.enroll(
                    forDomain: server, usingTicket: text, notificationToken: pushToken,
                    signingKey: key, verificationKey: publicKey)
            request.start { result in
                switch result {
                case .success(let device):
                    self.keep(Account(
                        id: device.id, userId: device.userId,
                        localIdentifier: device.localIdentifier, keyTag: key.tag))
                case .failure(let cause):
                    self.say("Not enrolled: \(cause)")
                }
            }
        } catch {
            say("No key: \(error)")
        }
    }

    /// APNs may give another token at any start of the app; pushes go to the last one the server knows.
    func pushTokenIs(_ token: String) {
        pushToken = token
        guard let account, let device = try? account.device() else { return }
        Guardian.api(forDomain: server)
            .device(forEnrollmentId: account.id, userId: account.userId, signingKey: device.signingKey)
            .update(localIdentifier: nil, name: nil, notificationToken: token)
            .start { result in
                if case .failure(let cause) = result { self.say("The server does not know the new push token: \(cause)") }
            }
    }

    /// Step 4: the push, parsed. It says who asks, not what: that is fetched.
    func received(_ userInfo: [AnyHashable: Any]) {
        guard let notification = Guardian.notification(from: userInfo),
            let account, account.id == notification.enrollmentId
        else { return }
        DispatchQueue.main.async { self.asked = Asked(notification: notification, details: .loading) }
        fetchConsent(of: notification, for: account)
    }

    /// Step 5: what is asked. The transaction linking id is the consent's id.
    private func fetchConsent(of notification: Guardian.Notification, for account: Account) {
        guard let consentId = notification.transactionLinkingId else {
            return show(.unknown("There are no details."), of: notification)
        }
        guard let device = try? account.device() else {
            return show(.unknown("The key of this phone is gone."), of: notification)
        }
        Guardian.consent(forDomain: server)
            .fetch(
                consentId: consentId, transactionToken: notification.transactionToken,
                signingKey: device.signingKey)
            .start { result in
                switch result {
                case .success(let consent): self.show(.consent(consent), of: notification)
                case .failure(let cause): self.show(.unknown("The details cannot be read: \(cause)"), of: notification)
                }
            }
    }

    private func show(_ details: Asked.Details, of notification: Guardian.Notification) {
        DispatchQueue.main.async {
            // Another request may have come meanwhile.
            guard self.asked?.id == notification.transactionToken else { return }
            self.asked?.details = details
        }
    }

    /// Step 7: yes, signed with this phone's key.
    func allow(_ notification: Guardian.Notification) {
        guard let device = try? account?.device() else { return }
        Guardian.authentication(forDomain: server, device: device)
            .allow(notification: notification)
            .start { result in
                if case .failure(let cause) = result { return self.say("Not sent: \(cause)") }
                self.done("Allowed.")
            }
    }

    /// Step 7: no. The reason stands in the server's log; `hack` means that the person asked for nothing.
    func reject(_ notification: Guardian.Notification, reason: String) {
        guard let device = try? account?.device() else { return }
        Guardian.authentication(forDomain: server, device: device)
            .reject(notification: notification, withReason: reason)
            .start { result in
                if case .failure(let cause) = result { return self.say("Not sent: \(cause)") }
                self.done("Rejected.")
            }
    }

    private func done(_ text: String) {
        say(text)
        DispatchQueue.main.async { self.asked = nil }
    }

    func unenroll() {
        guard let account, let device = try? account.device() else { return keep(nil) }
        Guardian.api(forDomain: server)
            .device(forEnrollmentId: account.id, userId: account.userId, signingKey: device.signingKey)
            .delete()
            .start { result in
                switch result {
                case .success: self.keep(nil)
                // An administrator may have removed the device before.
                case .failure(let cause as GuardianError) where cause.errorCode.hasSuffix("_not_found"): self.keep(nil)
                case .failure(let cause): self.say("Still enrolled: \(cause)")
                }
            }
    }

    private func keep(_ account: Account?) {
        UserDefaults.standard.set(account.flatMap { try? JSONEncoder().encode($0) }, forKey: Self.stored)
        DispatchQueue.main.async { self.account = account }
    }
}
