package ciba;

import com.auth0.client.auth.AuthAPI;
import com.auth0.client.mgmt.ManagementApi;
import com.auth0.client.mgmt.core.ManagementApiException;
import com.auth0.client.mgmt.types.ListUsersByEmailRequestParameters;
import com.auth0.client.mgmt.types.UserResponseSchema;
import com.auth0.exception.APIException;
import com.auth0.exception.Auth0Exception;
import com.auth0.json.auth.BackChannelAuthorizeResponse;
import com.auth0.json.auth.BackChannelTokenResponse;
import com.auth0.net.client.Auth0HttpClient;
import com.auth0.net.client.Auth0HttpRequest;
import com.auth0.net.client.Auth0HttpResponse;
import com.auth0.net.client.DefaultHttpClient;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Asks a person by CIBA with Maven's com.auth0:auth0.
 * Configuration: ../env.sh. Exit: 0 approved, 1 denied, 2 expired, 3 anything else.
 */
public final class Ciba {
    private static final int APPROVED = 0;
    private static final int DENIED = 1;
    private static final int EXPIRED = 2;
    private static final int FAILED = 3;

    private static final String GRANT_TYPE = "urn:openid:params:grant-type:ciba";
    private static final int DEFAULT_INTERVAL = 5;
    private static final int SLOWER_BY = 5;

    private final String issuer = setting("CIBA_ISSUER");
    /** The SDK's "domain" may have a port. */
    private final String domain = URI.create(issuer).getAuthority();

    /** By itself the SDK repeats what was answered with 429; a poll that was too fast must not be. */
    private final Reading reading = new Reading(DefaultHttpClient.newBuilder().withMaxRetries(0).build());

    private final AuthAPI auth = AuthAPI
            .newBuilder(domain, setting("CIBA_CLIENT_ID"), setting("CIBA_CLIENT_SECRET"))
            .withHttpClient(reading)
            .build();

    private record Outcome(int code, BackChannelTokenResponse tokens) {}

    public static void main(String[] arguments) throws InterruptedException {
        int code;
        try {
            code = new Ciba().run();
        } catch (Auth0Exception | ManagementApiException | IllegalStateException error) {
            // One person is asked five times a minute at most; the server's text says when to come again.
            System.err.println(error.getMessage());
            code = FAILED;
        }
        // The SDK's connections have threads of their own.
        System.exit(code);
    }

    private int run() throws Auth0Exception, InterruptedException {
        String user = findUser(setting("CIBA_EMAIL"));
        Instant begun = Instant.now();
        BackChannelAuthorizeResponse started = start(user);
        System.out.println("asked " + user);
        System.out.println("auth_req_id " + started.getAuthReqId());
        // Where the client or the tenant asks for a number, the person enters it on the phone.
        if (reading.matchCode != null) System.out.println("enter " + reading.matchCode + " on the phone");
        Outcome outcome = await(started, begun.plusSeconds(started.getExpiresIn()));
        if (outcome.tokens() == null) {
            System.err.println(outcome.code() == DENIED ? "denied" : "expired");
            return outcome.code();
        }
        // The SDK does not look at the ID token of this grant; /userinfo tells whose access token it is.
        Map<String, Object> person = auth.userInfo(outcome.tokens().getAccessToken()).execute().getBody().getValues();
        System.out.println("approved by " + person.get("sub") + " " + person.getOrDefault("name", ""));
        return outcome.code();
    }

    /** Step 1: CIBA names people by user id, the Management API knows who has an e-mail address. */
    private String findUser(String email) {
        ManagementApi management = ManagementApi.builder()
                .domain(domain)
                .clientCredentials(setting("CIBA_MANAGEMENT_CLIENT_ID"), setting("CIBA_MANAGEMENT_CLIENT_SECRET"))
                .build();
        List<UserResponseSchema> found = management.users()
                .listUsersByEmail(ListUsersByEmailRequestParameters.builder().email(email).build());
        return found.stream()
                .findFirst()
                .flatMap(UserResponseSchema::getUserId)
                .orElseThrow(() -> new IllegalStateException("nobody has the address " + email));
    }

    /** Step 1: the request. Step 2 is its answer, which names the request and says how often to look. */
    private BackChannelAuthorizeResponse start(String user) throws Auth0Exception {
        Map<String, Object> hint = Map.of("format", "iss_sub", "iss", issuer, "sub", user);
        return auth.authorizeBackChannel(
                        setting("CIBA_SCOPE"),
                        setting("CIBA_MESSAGE"),
                        hint,
                        setting("CIBA_AUDIENCE"),
                        Integer.valueOf(setting("CIBA_EXPIRY")))
                .execute()
                .getBody();
    }

    /**
     * Step 3: polls no faster than allowed, until the person has answered. Steps 4 to 7 happen on the phone
     * meanwhile. Step 8: the outcome.
     */
    private Outcome await(BackChannelAuthorizeResponse started, Instant deadline)
            throws Auth0Exception, InterruptedException {
        int interval = started.getInterval() == null ? DEFAULT_INTERVAL : started.getInterval();
        while (Instant.now().isBefore(deadline)) {
            Thread.sleep(Duration.ofSeconds(interval).toMillis());
            try {
                return new Outcome(APPROVED,
                        auth.getBackChannelLoginStatus(started.getAuthReqId(), GRANT_TYPE).execute().getBody());
            } catch (APIException refusal) {
                switch (String.valueOf(refusal.getError())) {
                    case "authorization_pending" -> { }
                    case "slow_down", "too_many_requests" -> {
                        interval += SLOWER_BY;
                        System.err.println("slower: every " + interval + " s");
                    }
                    // Auth0's dialect has this word for a request that ran out, too; the clock tells.
                    case "access_denied" -> {
                        return new Outcome(Instant.now().isBefore(deadline) ? DENIED : EXPIRED, null);
                    }
                    case "expired_token" -> {
                        return new Outcome(EXPIRED, null);
                    }
                    default -> throw refusal;
                }
            }
        }
        return new Outcome(EXPIRED, null);
    }

    /** Reads the number to match in the answer to a start: the SDK leaves it out. */
    private static final class Reading implements Auth0HttpClient {
        private static final Pattern MATCH_CODE = Pattern.compile("\"match_code\"\\s*:\\s*\"(\\d+)\"");

        private final Auth0HttpClient client;
        private String matchCode;

        private Reading(Auth0HttpClient client) {
            this.client = client;
        }

        @Override
        public Auth0HttpResponse sendRequest(Auth0HttpRequest request) throws IOException {
            Auth0HttpResponse answer = client.sendRequest(request);
            if (answer.isSuccessful() && request.getUrl().endsWith("/bc-authorize")) {
                Matcher found = MATCH_CODE.matcher(String.valueOf(answer.getBody()));
                matchCode = found.find() ? found.group(1) : null;
            }
            return answer;
        }

        @Override
        public CompletableFuture<Auth0HttpResponse> sendRequestAsync(Auth0HttpRequest request) {
            return client.sendRequestAsync(request);
        }
    }

    private static String setting(String name) {
        String value = System.getenv(name);
        if (value == null) throw new IllegalStateException(name + " is not set: see ../env.sh");
        return value;
    }
}
