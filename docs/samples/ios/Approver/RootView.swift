// Enrolling and leaving. A request that comes in lies above it all.

import SwiftUI
import VisionKit

struct RootView: View {
    @ObservedObject var phone: Phone
    @State private var text = ""
    @State private var scans = false

    var body: some View {
        NavigationStack {
            Form {
                if let account = phone.account {
                    Section("Enrolled") {
                        LabeledContent("User", value: account.userId)
                        LabeledContent("Device", value: account.id)
                        Button("Unenroll", role: .destructive) { phone.unenroll() }
                    }
                } else {
                    Section("Enroll") {
                        if DataScannerViewController.isSupported {
                            Button("Scan the code") { scans = true }
                        }
                        TextField("Or paste its text", text: $text)
                            .textInputAutocapitalization(.never)
                            .autocorrectionDisabled()
                        Button("Enroll") { phone.enroll(with: text) }.disabled(text.isEmpty)
                    }
                }
                if !phone.message.isEmpty { Text(phone.message) }
            }
            .navigationTitle("Approver")
        }
        .sheet(isPresented: $scans) {
            Scanner { found in
                scans = false
                phone.enroll(with: found)
            }
        }
        .sheet(item: $phone.asked) { asked in ApprovalView(phone: phone, asked: asked) }
    }
}

/// The camera, until it sees a QR code.
private struct Scanner: UIViewControllerRepresentable {
    let found: (String) -> Void

    func makeUIViewController(context: Context) -> DataScannerViewController {
        let scanner = DataScannerViewController(recognizedDataTypes: [.barcode(symbologies: [.qr])])
        scanner.delegate = context.coordinator
        return scanner
    }

    func updateUIViewController(_ scanner: DataScannerViewController, context: Context) {
        try? scanner.startScanning()
    }

    func makeCoordinator() -> Coordinator { Coordinator(found: found) }

    final class Coordinator: NSObject, DataScannerViewControllerDelegate {
        private let found: (String) -> Void

        init(found: @escaping (String) -> Void) { self.found = found }

        func dataScanner(_ scanner: DataScannerViewController, didAdd added: [RecognizedItem], allItems: [RecognizedItem]) {
            guard case .barcode(let code)? = added.first, let text = code.payloadStringValue else { return }
            scanner.stopScanning()
            found(text)
        }
    }
}
