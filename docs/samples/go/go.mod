module example.com/ciba-sample

go 1.24

require (
	github.com/auth0/go-auth0/v3 v3.1.0
	golang.org/x/oauth2 v0.30.0
)
