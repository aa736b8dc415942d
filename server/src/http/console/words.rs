//! What the pages say, in each language: one line for each saying, so that none can be missing.

use crate::language::Language;

impl Language {
    /// What the console's pages say in it.
    pub(crate) const fn words(self) -> &'static Words {
        match self {
            Self::English => &EN,
            Self::Japanese => &JA,
        }
    }
}

macro_rules! words {
    ($($name:ident: $english:literal, $japanese:literal;)*) => {
        /// The sayings of one language.
        #[derive(Debug)]
        pub(crate) struct Words {
            $(pub(crate) $name: &'static str,)*
        }

        const EN: Words = Words { $($name: $english,)* };
        const JA: Words = Words { $($name: $japanese,)* };

        #[cfg(test)]
        const PAIRS: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $japanese),)*];
    };
}

words! {
    // frame
    console: "Console", "コンソール";
    skip: "Skip to content", "本文へ移動";
    navigation: "Rooms", "メニュー";
    language: "Language", "言語";
    users: "Users", "ユーザー";
    passkeys: "Passkeys", "パスキー";
    sign_out: "Sign out", "サインアウト";
    signed_in_as: "Signed in as", "サインイン中：";
    remove: "Remove", "削除";
    unnamed: "(no name)", "（名前なし）";
    never: "never", "なし";
    // signing in
    sign_in: "Sign in", "サインイン";
    sign_in_lead: "For the people who run this service.", "このサービスの運用担当者用です。";
    sign_in_as: "This link signs you in as", "このリンクでサインインするオペレーター：";
    link_once: "It works once. Add a passkey afterwards, and you need no further link.", "リンクは一度だけ使えます。サインイン後にパスキーを追加すれば、次からリンクは不要です。";
    sign_in_by_passkey: "Sign in with a passkey", "パスキーでサインイン";
    needs_program: "Passkeys need JavaScript. Switch it on for this page, or use a one-time link.", "パスキーには JavaScript が必要です。このページで有効にするか、ワンタイムリンクを使ってください。";
    needs_link: "No passkey on this device?", "この端末にパスキーがない場合";
    needs_link_text: "Make a one-time link where the server runs, and open it here within the hour:", "サーバー上で次のコマンドを実行してワンタイムリンクを作り、1 時間以内にここで開いてください。";
    dead_link: "This link does not work", "このリンクは使えません";
    dead_link_text: "It was used already, is too old, or was not copied completely. Make a new one:", "すでに使われたか、期限が切れたか、最後までコピーされていません。新しいリンクを作ってください。";
    // the passkey program
    passkey_wait: "Answer your device…", "端末の指示に従ってください…";
    passkey_failed: "That did not work. Try again, or use another passkey.", "うまくいきませんでした。もう一度試すか、別のパスキーを使ってください。";
    passkey_unknown: "This passkey is not known here. Sign in with a one-time link.", "このパスキーは登録されていません。ワンタイムリンクでサインインしてください。";
    passkey_unsupported: "This browser has no passkeys. Use a one-time link.", "このブラウザーはパスキーに対応していません。ワンタイムリンクを使ってください。";
    // passkeys
    passkeys_lead: "You sign in with these. Keep two, on different devices.", "サインインに使います。別々の端末に 2 つ登録しておくと安心です。";
    welcome: "You are in. Add a passkey now.", "サインインしました。続けてパスキーを追加してください。";
    welcome_text: "The link you came with is used up. Without a passkey you need a new one next time.", "使ったリンクはもう無効です。パスキーがないと、次回も新しいリンクが必要になります。";
    not_now: "Not now", "あとで";
    add_passkey: "Add a passkey", "パスキーを追加";
    passkey_name: "Its name, so that you recognize it", "見分けるための名前";
    passkey_example: "e.g. work laptop", "例：仕事用ノート PC";
    no_passkeys: "You have no passkey yet.", "パスキーはまだありません。";
    passkey_added: "The passkey was added.", "パスキーを追加しました。";
    passkey_removed: "The passkey was removed.", "パスキーを削除しました。";
    remove_passkey_text: "It will no longer sign you in.", "このパスキーではサインインできなくなります。";
    added: "Added", "追加日時";
    // the list
    search: "Search", "検索";
    search_label: "Name, e-mail or user ID", "名前・メール・ユーザー ID";
    search_help: "Or a query, as in", "検索式も使えます。例：";
    all_users: "All users", "全ユーザー";
    nobody: "Nobody matches.", "該当するユーザーはいません。";
    nobody_text: "Try a part of the name or address, or the whole user ID.", "名前やメールの一部、またはユーザー ID 全体で試してください。";
    nobody_yet: "There are no users yet.", "ユーザーはまだいません。";
    not_understood: "The query is not understood", "検索式を解釈できません";
    previous: "Previous", "前へ";
    next: "Next", "次へ";
    pages: "Pages", "ページ";
    blocked: "Blocked", "ブロック中";
    no_device_badge: "No device", "端末なし";
    device_badge: "Can be asked", "承認依頼可";
    unreachable_badge: "Not reachable", "到達不可";
    // one person
    user_id: "User ID", "ユーザー ID";
    email: "E-mail", "メール";
    verified: "verified", "確認済み";
    unverified: "not verified", "未確認";
    created: "Created", "作成日時";
    can_be_asked: "Can be asked now", "今、承認依頼を送れます";
    can_be_asked_text: "A request reaches at least one device.", "依頼は少なくとも 1 台の端末に届きます。";
    cannot_be_asked: "Cannot be asked now", "今、承認依頼を送れません";
    is_blocked_text: "This person is blocked. Unblock them below.", "このユーザーはブロックされています。下で解除できます。";
    push_is_off_text: "The push factor of this tenant is switched off.", "このテナントではプッシュ要素が無効になっています。";
    has_no_device_text: "No device is enrolled. Make a ticket below, and have the person scan it.", "端末が登録されていません。下でチケットを作り、本人に読み取ってもらってください。";
    not_reachable_text: "No device has a live push token. Have the person open the app, or enroll anew.", "有効なプッシュトークンを持つ端末がありません。本人にアプリを開いてもらうか、再登録してください。";
    devices: "Devices", "端末";
    no_devices: "No device is enrolled.", "登録された端末はありません。";
    push: "Push", "プッシュ";
    reachable: "Reachable", "到達可能";
    not_reachable: "No live push token", "有効なプッシュトークンなし";
    by_apns: "Apple (APNs)", "Apple（APNs）";
    by_fcm: "Google (FCM)", "Google（FCM）";
    by_virtual: "Virtual phone", "仮想スマートフォン";
    by_inbox: "Aizuchi authenticator", "Aizuchi認証アプリ";
    last_used: "Last used", "最終使用";
    enrolled: "Enrolled", "登録日時";
    device_id: "Device ID", "端末 ID";
    remove_device: "Remove this device", "この端末を削除";
    remove_device_text: "Its key opens nothing from then on, and what it approved but nobody collected is lost. The person needs a new ticket.", "この端末の鍵は使えなくなり、承認済みで未受領の依頼は無効になります。本人には新しいチケットが必要です。";
    pending: "A code was shown and not used yet; it is good until", "表示済みで未使用のコードがあります。有効期限：";
    remove_persons_passkey: "It confirms nothing from then on. Where a passkey is demanded, the person cannot approve without another.", "このパスキーでは確認できなくなります。パスキーが必要な依頼は、別のパスキーがないと承認できません。";
    add_device: "Add a device", "端末を追加";
    add_device_text: "Shows a code to scan and a link to send.", "読み取り用コードと送付用リンクを表示します。";
    requests: "Recent requests", "最近の依頼";
    no_requests: "This person was not asked for anything lately.", "最近の依頼はありません。";
    asked_by: "Asked by", "依頼元";
    message: "Message", "メッセージ";
    transaction: "Transaction", "トランザクション";
    until: "Until", "期限";
    read_on_device: "Read on a device", "端末で閲覧済み";
    push_unneeded: "No push: it looks into its inbox", "プッシュなし（受信箱を確認）";
    opened_on_device: "opened", "閲覧";
    decided_on_device: "decided", "回答";
    outcome_waiting: "Waiting for an answer", "回答待ち";
    outcome_approved: "Approved, tokens not collected", "承認済み（トークン未受領）";
    outcome_completed: "Approved, tokens issued", "承認済み（トークン発行済み）";
    outcome_denied: "Denied by the person", "本人が拒否";
    outcome_withdrawn: "Withdrawn by the client", "クライアントが取り消し";
    outcome_failed: "Failed", "失敗";
    outcome_expired: "Expired without an end", "期限切れ";
    push_waiting: "Push not sent yet", "プッシュ未送信";
    push_sent: "Push handed over", "プッシュ引き渡し済み";
    push_failed: "Push failed", "プッシュ失敗";
    identities: "Identities", "アイデンティティ";
    connection: "Connection", "コネクション";
    identity_id: "ID there", "接続先での ID";
    social: "social", "ソーシャル";
    block: "Block this person", "このユーザーをブロック";
    block_text: "Nobody can ask them any more, and what is approved but not collected is lost. You can take it back.", "誰もこのユーザーに依頼を送れなくなり、承認済みで未受領の依頼は無効になります。後で解除できます。";
    unblock: "Unblock this person", "ブロックを解除";
    unblock_text: "They can be asked again.", "再び依頼を送れるようになります。";
    access: "Access", "アクセス";
    was_blocked: "Blocked.", "ブロックしました。";
    was_unblocked: "Unblocked.", "ブロックを解除しました。";
    was_removed: "The device was removed.", "端末を削除しました。";
    // a ticket
    ticket_for: "Ticket for", "チケットの対象：";
    scan: "Scan this with the authenticator app", "認証アプリでこのコードを読み取ってください";
    scan_text: "The person scans it with their phone. It enrolls one device.", "本人のスマートフォンで読み取ります。登録できる端末は 1 台です。";
    code_picture: "The code to scan", "読み取り用コード";
    minutes_left: "Minutes that the code is good:", "コードの有効時間（分）：";
    code_text: "The code as text, to enter by hand", "手入力用のコード";
    not_here: "The person is not here?", "本人がここにいない場合";
    not_here_text: "Send this link by a way you trust. It is good for five days and one device.", "信頼できる方法でこのリンクを送ってください。5 日間、1 台に限り有効です。";
    ticket_link: "Link to send", "送付用リンク";
    codes_off: "Phones are switched off for this tenant; the link works once they are on again.", "このテナントではプッシュ要素が無効です。有効にするとリンクが使えます。";
    back_to: "Back to", "戻る：";
    // what went wrong
    broken: "Something broke on our side", "サーバー側で問題が発生しました";
    broken_text: "Nothing you did. Try again in a few seconds; the server's log says more.", "操作に問題はありません。数秒後にもう一度お試しください。詳細はサーバーのログにあります。";
    fault_number: "Fault number", "障害番号";
    refused: "That is not possible", "この操作はできません";
    no_user: "No such user", "ユーザーが見つかりません";
    no_user_text: "It was deleted, or the address is not complete.", "削除されたか、アドレスが不完全です。";
    no_device: "No such device", "端末が見つかりません";
    no_device_text: "It was removed already.", "すでに削除されています。";
    contended: "Somebody else is changing this, too", "ほかの操作と競合しました";
    contended_text: "Look at it again, and try once more.", "内容を確認して、もう一度お試しください。";
    foreign: "This did not come from our page", "この操作は受け付けられません";
    foreign_text: "Nothing was changed. Go back, load the page again, and try once more.", "変更は行われていません。戻ってページを読み込み直し、もう一度お試しください。";
    too_many: "Too many tries", "試行回数が多すぎます";
    too_many_text: "Wait a minute, then try again.", "1 分待ってから、もう一度お試しください。";
    nowhere: "There is no such page", "ページが見つかりません";
    nowhere_text: "The address is not complete, or the page has moved.", "アドレスが不完全か、ページが移動しました。";
}

#[cfg(test)]
mod tests {
    use super::PAIRS;

    #[test]
    fn every_saying_is_said_in_both_languages() {
        for (name, english, japanese) in PAIRS {
            assert!(!english.is_empty() && !japanese.is_empty(), "{name}");
            assert_ne!(english, japanese, "{name}");
            assert!(english.chars().all(|c| c.is_ascii() || c == '…'), "{name}: {english}");
            assert!(!japanese.is_ascii(), "{name}: {japanese}");
        }
    }
}
