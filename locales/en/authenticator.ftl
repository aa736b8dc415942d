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
