# What people read in mail.

mail-ticket-subject = Set up your approval device for { $tenant }
mail-ticket-text =
    { $tenant } invites you to set up a device with which you approve requests.

    Open this link within five days, and follow what it says:

    { $link }

    If you do not know what this is about, you need do nothing. Whoever has this link can set up a device in your name: do not pass it on.

mail-wake-subject = { $tenant }: a request waits for your answer
mail-wake-text =
    Someone asks for your approval at { $tenant }. Open the authenticator on your own device to read what it is and to answer:

    { $link }

    This mail cannot answer for you, and nobody needs a code from it.
