// Asks a person by CIBA with NuGet's Auth0.AuthenticationApi.
// Configuration: ../env.sh. Exit: 0 approved, 1 denied, 2 expired, 3 anything else.

using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Auth0.AuthenticationApi;
using Auth0.AuthenticationApi.Models;
using Auth0.AuthenticationApi.Models.Ciba;
using Auth0.Core.Exceptions;

const int Approved = 0, Denied = 1, Expired = 2, Failed = 3;
const int DefaultInterval = 5, SlowerBy = 5;

// The SDK compares `iss` of the ID token with this address, final slash included.
var issuer = new Uri(Setting("CIBA_ISSUER"));
var reading = new Reading(Trusting(Setting("CIBA_CA_FILE")));
using var http = new HttpClient(reading);
var auth = new AuthenticationApiClient(issuer, new HttpClientAuthenticationConnection(http));

try
{
    var user = await FindUser(Setting("CIBA_EMAIL"));
    var begun = DateTimeOffset.UtcNow;
    var started = await Start(user);
    Console.WriteLine($"asked {user}");
    Console.WriteLine($"auth_req_id {started.AuthRequestId}");
    // Where the client or the tenant asks for a number, the person enters it on the phone.
    if (reading.MatchCode is { } number) Console.WriteLine($"enter {number} on the phone");
    var (outcome, tokens) = await Wait(started, begun.AddSeconds(started.ExpiresIn));
    if (tokens is null)
    {
        Console.Error.WriteLine(outcome == Denied ? "denied" : "expired");
        return outcome;
    }
    // The SDK has verified the ID token; the claims about the person are also at /userinfo.
    var person = await auth.GetUserInfoAsync(tokens.AccessToken);
    Console.WriteLine($"approved by {person.UserId} {person.FullName}");
    return Approved;
}
catch (Exception error) when (error is ApiException or HttpRequestException or InvalidOperationException)
{
    // One person is asked five times a minute at most; the server's text says when to come again.
    var refusal = RefusalOf(error);
    Console.Error.WriteLine(refusal is null ? error.Message : $"{refusal.Error}: {refusal.Message}");
    return Failed;
}

// Step 1: CIBA names people by user id, the Management API knows who has an e-mail address.
async Task<string> FindUser(string email)
{
    var token = await auth.GetTokenAsync(new ClientCredentialsTokenRequest
    {
        ClientId = Setting("CIBA_MANAGEMENT_CLIENT_ID"),
        ClientSecret = Setting("CIBA_MANAGEMENT_CLIENT_SECRET"),
        Audience = new Uri(issuer, "api/v2/").AbsoluteUri,
    });
    var search = new Uri(issuer, $"api/v2/users-by-email?email={Uri.EscapeDataString(email)}");
    using var request = new HttpRequestMessage(HttpMethod.Get, search);
    request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token.AccessToken);
    using var answer = await http.SendAsync(request);
    answer.EnsureSuccessStatusCode();
    var found = await answer.Content.ReadFromJsonAsync<JsonElement[]>();
    var user = found?.FirstOrDefault() is { ValueKind: JsonValueKind.Object } first
        ? first.GetProperty("user_id").GetString()
        : null;
    return user ?? throw new InvalidOperationException($"nobody has the address {email}");
}

// Step 1: the request. Step 2 is its answer, which names the request and says how often to look.
Task<ClientInitiatedBackchannelAuthorizationResponse> Start(string user) =>
    auth.ClientInitiatedBackchannelAuthorization(new ClientInitiatedBackchannelAuthorizationRequest
    {
        ClientId = Setting("CIBA_CLIENT_ID"),
        ClientSecret = Setting("CIBA_CLIENT_SECRET"),
        BindingMessage = Setting("CIBA_MESSAGE"),
        LoginHint = new LoginHint { Format = "iss_sub", Issuer = issuer.AbsoluteUri, Subject = user },
        Scope = Setting("CIBA_SCOPE"),
        Audience = Setting("CIBA_AUDIENCE"),
        RequestExpiry = int.Parse(Setting("CIBA_EXPIRY")),
    });

// Step 3: polls no faster than allowed, until the person has answered. Steps 4 to 7 happen on the phone
// meanwhile. Step 8: the outcome.
async Task<(int, ClientInitiatedBackchannelAuthorizationTokenResponse?)> Wait(
    ClientInitiatedBackchannelAuthorizationResponse started, DateTimeOffset deadline)
{
    var interval = started.Interval > 0 ? started.Interval : DefaultInterval;
    while (DateTimeOffset.UtcNow < deadline)
    {
        await Task.Delay(TimeSpan.FromSeconds(interval));
        try
        {
            return (Approved, await auth.GetTokenAsync(new ClientInitiatedBackchannelAuthorizationTokenRequest
            {
                ClientId = Setting("CIBA_CLIENT_ID"),
                ClientSecret = Setting("CIBA_CLIENT_SECRET"),
                AuthRequestId = started.AuthRequestId,
            }));
        }
        catch (ApiException error)
        {
            switch (RefusalOf(error)?.Error)
            {
                case "authorization_pending":
                    break;
                case "slow_down" or "too_many_requests":
                    interval += SlowerBy;
                    Console.Error.WriteLine($"slower: every {interval} s");
                    break;
                case "access_denied":
                    // Auth0's dialect has this word for a request that ran out, too; the clock tells.
                    return (DateTimeOffset.UtcNow < deadline ? Denied : Expired, null);
                case "expired_token":
                    return (Expired, null);
                default:
                    throw;
            }
        }
    }
    return (Expired, null);
}

// The SDK has an exception of its own for every 429, `slow_down` among them.
static ApiError? RefusalOf(Exception error) => error switch
{
    ErrorApiException refused => refused.ApiError,
    RateLimitApiException refused => refused.ApiError,
    _ => null,
};

// A handler that trusts the CA in this file and no other.
static SocketsHttpHandler Trusting(string file)
{
    var policy = new X509ChainPolicy
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        // The development CA publishes no revocation list.
        RevocationMode = X509RevocationMode.NoCheck,
    };
    policy.CustomTrustStore.ImportFromPemFile(file);
    return new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy } };
}

static string Setting(string name) =>
    Environment.GetEnvironmentVariable(name) ?? throw new InvalidOperationException($"{name} is not set: see ../env.sh");

// Reads the number to match in the answer to a start: the SDK leaves it out.
sealed class Reading(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    public string? MatchCode { get; private set; }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        var answer = await base.SendAsync(request, cancel);
        if (!answer.IsSuccessStatusCode || request.RequestUri?.AbsolutePath.EndsWith("/bc-authorize") != true) return answer;
        // Kept in memory, so that the SDK can read it again.
        await answer.Content.LoadIntoBufferAsync();
        using var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(cancel));
        MatchCode = body.RootElement.TryGetProperty("match_code", out var number) ? number.GetString() : null;
        return answer;
    }
}
