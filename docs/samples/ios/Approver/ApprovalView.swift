// Step 6: what is asked, in full, before any button can be pressed.

import Guardian
import SwiftUI

struct ApprovalView: View {
    @ObservedObject var phone: Phone
    let asked: Asked

    var body: some View {
        NavigationStack {
            Form {
                switch asked.details {
                case .loading:
                    ProgressView()
                case .unknown(let why):
                    // Nobody can agree to what they cannot read.
                    Text(why)
                    reject
                case .consent(let consent):
                    details(of: consent)
                    Button("Allow") { phone.allow(asked.notification) }
                    reject
                }
                if !phone.message.isEmpty { Text(phone.message) }
            }
            .navigationTitle("You are asked")
        }
    }

    @ViewBuilder
    private var reject: some View {
        Button("Reject", role: .destructive) { phone.reject(asked.notification, reason: "mistake") }
        Button("I asked for nothing", role: .destructive) { phone.reject(asked.notification, reason: "hack") }
    }

    private func details(of consent: Consent) -> some View {
        let requested = consent.requestedDetails
        return Section {
            Text(requested.bindingMessage ?? "").font(.title2)
            LabeledContent("Asked by", value: asked.notification.source?.browser?.name ?? "unknown")
            LabeledContent("At", value: asked.notification.startedAt.formatted())
            LabeledContent("Until", value: consent.expiresAt)
            LabeledContent("For", value: requested.audience)
            ForEach(requested.scope, id: \.self) { LabeledContent("Scope", value: $0) }
            // All of them, whatever their type: what an app does not know must be seen all the same.
            ForEach(Array(requested.authorizationDetails.enumerated()), id: \.offset) { _, detail in
                Text(Self.readable(detail)).font(.footnote.monospaced())
            }
        }
    }

    private static func readable(_ detail: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(detail)).map { String(decoding: $0, as: UTF8.self) } ?? "unreadable"
    }
}
