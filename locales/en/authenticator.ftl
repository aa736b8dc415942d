# The web authenticator. Texts that others wrote come in as variables and are kept apart.

app-name = { $name } authenticator
app-description = Answers requests to sign in, pay and agree, with a key that never leaves this device.
left-hours = { $count ->
    [one] { $count } hour left
   *[other] { $count } hours left
}
left-minutes = { $count ->
    [one] { $count } minute left
   *[other] { $count } minutes left
}
left-seconds = { $count ->
    [one] { $count } second left
   *[other] { $count } seconds left
}
request-title = { $name } asks

# frame

brand = Authenticator
nav = Screens
skip = Skip to content
tab-inbox = Requests
tab-inbox-count = Requests ({ $count })
tab-history = History
tab-settings = Settings
back = Back to requests
understood = Understood
save = Save
saved = Saved.
banner-offline = The server cannot be reached. What you answer is kept and sent later.
clock-fast = { $minutes ->
    [one] Your clock is { $minutes } minute off: it is fast. This app goes by the server’s time.
   *[other] Your clock is { $minutes } minutes off: it is fast. This app goes by the server’s time.
}
clock-slow = { $minutes ->
    [one] Your clock is { $minutes } minute off: it is slow. This app goes by the server’s time.
   *[other] Your clock is { $minutes } minutes off: it is slow. This app goes by the server’s time.
}
no-storage-title = This browser keeps nothing
no-storage-text = The key of this device has to be kept. Private windows and blocked storage do not allow that; open the authenticator in a normal window.

# adding this device

welcome-title = Add this device
welcome-text = Enter the code of the enrollment page, or open the page’s link in this browser. The key of this device is made here and never leaves it.
welcome-again = You had added this device before? Then this browser’s storage was cleared, and the key with it. Ask for a new link: the old device can be replaced.
add-title = Add an account
add-from-link = You opened an enrollment link. Give this device a name and add it.
add-install-first = On iPhone and iPad, put this app on the home screen first (Share, Add to Home Screen), open it there, and paste the code: its storage is separate.
add-code = Code or link
add-code-help = As the enrollment page shows it. It works for five minutes.
add-other-code = Another code
add-name = Name of this device
add-passkey = Also make a passkey. Some requests ask for one to approve.
add-passkey-failed = No passkey was made, and this device was not added. Try again, or go on without.
add-do = Add this device
add-working = Adding this device.
add-no-code = This is no code. Copy it completely from the enrollment page.
add-elsewhere = This link belongs to another server. Open it in this browser instead.
add-dead = This code does not work: it was used, is too old, or was not copied completely. The enrollment page makes a new one.
add-has-one = There is a device already, and this link adds a first one only. Ask whoever sent it to replace the old device.
add-off = Devices are switched off for now.
added-title = This device is added
added-text = From now on { $server } can ask you here.
added-compare = If the enrollment page is open on another screen, it shows this code, too. If it shows another, forget this device in the settings.
added-go = To the requests
scan = Scan a code
scan-view = The camera’s picture
scan-found = A code was read.
scan-failed = The camera cannot be used. Paste the code instead.

# what waits

inbox-title = Requests
inbox-empty = Nothing is waiting
inbox-empty-text = New requests appear here by themselves.
inbox-offline-text = Requests appear here once the server can be reached.
inbox-more = More requests are waiting. Answer these first; the others follow.
inbox-check = Check for requests
lost-title = This device is no longer known
lost-text = { $server } does not know “{ $name }” any more: it was removed or replaced. Enroll again to be asked here.
lost-again = Enroll again
lost-remove = Remove from here

# one request

ask-access = Access to { $name }
ask-sign-in = Sign in
domain-verified = Verified domain: { $domain }
domain-none = No verified domain
request-summary = { $name } asks: { $what }
request-unknown = This request is not here
request-unknown-text = It was answered or taken back, or this device cannot reach the server.
part-details = Details
part-as-sent = All details as they were sent
part-grants = You allow
part-audiences = Access to
part-origin = Where it began, as { $name } says
origin-place = Place
origin-device = Device
origin-agent = Program
part-words = What was asked
began = Began { $time }
for-account = For { $user } at { $server }
grant-profile = To see your name and profile
grant-email = To see your e-mail address
grant-address = To see your postal address
grant-phone = To see your phone number
grant-offline = To keep this access while you are away
grant-claims = To be told: { $claims }
value-yes = yes
value-no = no
match-type = The number that the other screen shows
match-choose = Which number does the other screen show?
match-help = If there is no number there, this request is not yours: deny it.
match-enter = Enter the two digits that the other screen shows.
match-pick = Choose the number that the other screen shows.
passkey-note = To approve, you confirm with your passkey.
deny = Deny
approve = Approve
wasnt-me = This wasn’t me
wasnt-me-text = This denies the request, takes back everything else that { $name } asks of you, and refuses { $name } until an administrator allows it again.
wasnt-me-yes = Deny and report

# what became of it

outcome-waiting = Waiting
outcome-waiting-text = This request waits for your answer.
outcome-sending = Sending your answer
outcome-sending-text = It is signed and on its way.
outcome-kept = Not sent yet
outcome-kept-text = Your answer is signed and kept on this device. It is sent as soon as the server can be reached, while there is time.
outcome-approved = Approved
outcome-approved-text = { $name } has your yes.
outcome-denied = Denied
outcome-denied-text = { $name } has your no.
outcome-reported = Denied and reported
outcome-reported-text = { $name } cannot ask you again until an administrator allows it.
outcome-elsewhere = Answered elsewhere
outcome-elsewhere-text = Another of your devices has answered this request.
outcome-withdrawn = Taken back
outcome-withdrawn-text = { $name } does not wait for an answer any more.
outcome-expired = Too late
outcome-expired-text = The time for an answer is over. Nothing was approved.
outcome-mismatched = Denied: the numbers differ
outcome-mismatched-text = The number was wrong, so nothing was approved. If you did not begin this, somebody else may have: tell your administrator.
outcome-refused = A request was not shown
outcome-refused-text = Its words are not signed by the server that this device trusts, or cannot be understood. They may have been changed on their way. Nothing was approved.
receipt-save = Save the receipt
trouble-match = That is not the number. Look at the other screen again.
trouble-passkey = The passkey did not confirm this. Nothing was sent.
trouble-words = The words of this request have changed. Look at it again.
trouble-offline = The server cannot be reached. Try again in a moment.
trouble-many = Too many tries. Wait a minute.
trouble-storage = This browser cannot keep the key.
trouble-other = That did not work. Try again.

# what was decided

history-title = History
history-empty = Nothing yet
history-empty-text = What you decide is kept here, on this device, also without a network.

# settings

settings-title = Settings
account-user = User
account-code = Code of the key
account-since = Added
account-name = Name of this device
add-another = Add another account
passkeys = { $count ->
    [0] No passkeys
    [one] { $count } passkey
   *[other] { $count } passkeys
}
passkey-add = Add a passkey
passkey-added = The passkey was added.
forget = Forget this device
forget-text = The key and the history of this account are deleted, and the server asks you here no more.
forget-yes = Forget this device
forget-here = Only delete it here (the server cannot be reached)
forgotten = This device was forgotten.
language-title = Language
push-title = Notifications
push-is-on = This device is woken when a request comes. What it is about is only told here.
push-is-off = Without notifications, requests appear while this app is open.
push-none = This browser or this server offers none. Requests appear while this app is open.
push-refused = Notifications are blocked for this site in the browser’s settings. Requests still appear while this app is open.
push-on = Turn notifications on
push-off = Turn notifications off
notice-title = A request is waiting
notice-text = Open the authenticator to read it.
