// Asks a person by CIBA with go-auth0.
// Configuration: ../env.sh. Exit: 0 approved, 1 denied, 2 expired, 3 anything else.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/auth0/go-auth0/v3/authentication"
	"github.com/auth0/go-auth0/v3/authentication/ciba"
	"github.com/auth0/go-auth0/v3/authentication/oauth"
	"github.com/auth0/go-auth0/v3/management"
	managementclient "github.com/auth0/go-auth0/v3/management/client"
	"github.com/auth0/go-auth0/v3/management/option"
	"golang.org/x/oauth2"
)

const (
	approved = iota
	denied
	expired
	failed
)

const (
	grantType       = "urn:openid:params:grant-type:ciba"
	defaultInterval = 5
	slowerBy        = 5
)

// issuer is compared letter by letter, final slash included; domain is what the SDK wants, port and all.
var (
	issuer = os.Getenv("CIBA_ISSUER")
	domain = strings.TrimSuffix(strings.TrimPrefix(issuer, "https://"), "/")
)

func main() {
	outcome, err := run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(outcome)
}

func run(ctx context.Context) (int, error) {
	trusted, err := trusting(os.Getenv("CIBA_CA_FILE"))
	if err != nil {
		return failed, err
	}
	user, err := findUser(ctx, trusted, os.Getenv("CIBA_EMAIL"))
	if err != nil {
		return failed, err
	}
	auth, err := authentication.New(ctx, domain,
		authentication.WithClientID(os.Getenv("CIBA_CLIENT_ID")),
		authentication.WithClientSecret(os.Getenv("CIBA_CLIENT_SECRET")),
		authentication.WithClient(trusted),
		// By itself the SDK repeats what was answered with 429; a poll that was too fast must not be.
		authentication.WithNoRetries(),
	)
	if err != nil {
		return failed, err
	}
	begun := time.Now()
	started, err := start(ctx, auth, user)
	if err != nil {
		// One person is asked five times a minute at most; the text says when to come again.
		return failed, fmt.Errorf("not asked: %w", err)
	}
	fmt.Println("asked", user)
	fmt.Println("auth_req_id", started.AuthReqID)
	// Where the client or the tenant asks for a number, the person enters it on the phone.
	if started.MatchCode != "" {
		fmt.Println("enter", started.MatchCode, "on the phone")
	}
	tokens, outcome, err := wait(ctx, auth, started, begun.Add(time.Duration(started.ExpiresIn)*time.Second))
	if outcome != approved {
		return outcome, err
	}
	// The SDK has verified the ID token; the claims about the person are also at /userinfo.
	person, err := auth.UserInfo(ctx, tokens.AccessToken)
	if err != nil {
		return failed, err
	}
	fmt.Println("approved by", person.Sub, person.Name)
	return approved, nil
}

// trusting makes a client that trusts the CA in this file and no other.
func trusting(file string) (*http.Client, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", file)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}, nil
}

// findUser is step 1: CIBA names people by user id, the Management API knows who has an e-mail address.
func findUser(ctx context.Context, trusted *http.Client, email string) (string, error) {
	// The token's own request takes its client from the context.
	ctx = context.WithValue(ctx, oauth2.HTTPClient, trusted)
	id, secret := os.Getenv("CIBA_MANAGEMENT_CLIENT_ID"), os.Getenv("CIBA_MANAGEMENT_CLIENT_SECRET")
	api, err := managementclient.New(domain,
		option.WithClientCredentials(ctx, id, secret), option.WithHTTPClient(trusted))
	if err != nil {
		return "", err
	}
	found, err := api.Users.ListUsersByEmail(ctx, &management.ListUsersByEmailRequestParameters{Email: email})
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("nobody has the address %s", email)
	}
	return found[0].GetUserID(), nil
}

// acknowledgement is what a start is answered with; the SDK's own type leaves the number to match out.
type acknowledgement struct {
	ciba.Response
	MatchCode string `json:"match_code"`
}

// start is step 1, the request. Step 2 is its answer, which names the request and says how often to look.
// The SDK's own CIBA.Initiate leaves out the audience and knows no expiry, so the form is written here.
func start(ctx context.Context, auth *authentication.Authentication, user string) (*acknowledgement, error) {
	hint, err := json.Marshal(map[string]string{"format": "iss_sub", "iss": issuer, "sub": user})
	if err != nil {
		return nil, err
	}
	form := credentials()
	form.Set("login_hint", string(hint))
	form.Set("binding_message", os.Getenv("CIBA_MESSAGE"))
	form.Set("scope", os.Getenv("CIBA_SCOPE"))
	form.Set("audience", os.Getenv("CIBA_AUDIENCE"))
	form.Set("requested_expiry", os.Getenv("CIBA_EXPIRY"))
	started := &acknowledgement{Response: ciba.Response{Interval: defaultInterval}}
	return started, auth.Request(ctx, http.MethodPost, auth.URI("bc-authorize"), form, started)
}

// wait is step 3: it polls no faster than allowed until the person has answered. Steps 4 to 7 happen on the
// phone meanwhile. Step 8: the tokens, or the other outcome.
func wait(ctx context.Context, auth *authentication.Authentication, started *acknowledgement, deadline time.Time) (*oauth.TokenSet, int, error) {
	interval := started.Interval
	for time.Now().Before(deadline) {
		time.Sleep(time.Duration(interval) * time.Second)
		form := credentials()
		form.Set("auth_req_id", started.AuthReqID)
		tokens, err := auth.OAuth.LoginWithGrant(ctx, grantType, form, oauth.IDTokenValidationOptions{})
		if err == nil {
			return tokens, approved, nil
		}
		var refusal *authentication.Error
		if !errors.As(err, &refusal) {
			return nil, failed, err
		}
		switch refusal.Err {
		case "authorization_pending":
		case "slow_down", "too_many_requests":
			interval += slowerBy
			fmt.Fprintf(os.Stderr, "slower: every %d s\n", interval)
		case "access_denied":
			// Auth0's dialect has this word for a request that ran out, too; the clock tells.
			if time.Now().Before(deadline) {
				return nil, denied, errors.New("denied")
			}
			return nil, expired, errors.New("expired")
		case "expired_token":
			return nil, expired, errors.New("expired")
		default:
			return nil, failed, err
		}
	}
	return nil, expired, errors.New("expired")
}

func credentials() url.Values {
	return url.Values{
		"client_id":     {os.Getenv("CIBA_CLIENT_ID")},
		"client_secret": {os.Getenv("CIBA_CLIENT_SECRET")},
	}
}
