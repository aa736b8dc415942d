"""A phone: the enroll and resolve requests of Guardian.Android as recorded, with a key, times and
ids of its own. Members of bodies and tokens and their order are the recording's."""

import base64
import json
import pathlib
import time
import urllib.parse
import uuid

import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from card import ISSUER, PATIENCE_S, pushes

RECORDED = json.loads(
    (pathlib.Path(__file__).parents[3] / "testkit/vectors/guardian-android.json").read_text()
)
TRAY_TRIES = 1200
TRAY_PAUSE_S = 0.05


def example(name):
    return next(case for case in RECORDED["cases"] if case["id"] == name)


def like(shape, **values):
    """The recorded object with other values: same members, same order."""
    unknown = set(values) - set(shape)
    assert not unknown, f"the recording has no member {unknown}"
    return {**shape, **values}


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Phone:
    def __init__(self, ticket, name="Pixel"):
        self.ticket = ticket
        self.name = name
        self.identifier = uuid.uuid4().hex[:16]
        self.push_token = f"fcm-{uuid.uuid4()}"
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.taken = 0
        self.account = self.enroll()

    def enroll(self):
        request = example("main.enroll_uri")["request"]
        # Java's BigInteger puts a zero byte in front.
        modulus = self.key.public_key().public_numbers().n.to_bytes(257, "big")
        body = like(
            request["body_json"],
            public_key=like(request["body_json"]["public_key"], n=base64url(modulus)),
            identifier=self.identifier,
            name=self.name,
            push_credentials={"service": "GCM", "token": self.push_token},
        )
        answer = self.call(request, "appliance-mfa/api/enroll", f'Ticket id="{self.ticket}"', body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def buzzes(self):
        """The newest push that has not been taken yet."""
        for _ in range(TRAY_TRIES):
            found = pushes(self.push_token)
            if len(found) > self.taken:
                self.taken = len(found)
                return found[0]["payload"]
            time.sleep(TRAY_PAUSE_S)
        raise AssertionError("no push came")

    def approves(self, push):
        self.answers(push, "main.allow")

    def denies(self, push):
        self.answers(push, "main.reject_no_reason")

    def answers(self, push, name):
        case = example(name)
        signed, path, now = case["jwts"][0], "appliance-mfa/api/resolve-transaction", int(time.time())
        claims = like(
            json.loads(signed["claims_text"]),
            aud=urllib.parse.urljoin(ISSUER, path),
            sub=push["c"],
            iss=self.identifier,
            exp=now + 30,
            iat=now,
        )
        text = f"{base64url(signed['header_text'].encode())}.{base64url(compact(claims).encode())}"
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        body = like(case["request"]["body_json"], challenge_response=f"{text}.{base64url(signature)}")
        answer = self.call(case["request"], path, f"Bearer {push['txtkn']}", body)
        assert (answer.status_code, answer.content) == (204, b""), answer.text

    @staticmethod
    def call(request, path, credential, body):
        """Sends a recorded request to our server, with these values instead."""
        own = {"Authorization": credential, "Host": None, "Content-Length": None, "Connection": None}
        headers = {name: own.get(name, value) for name, value in request["headers"]}
        return requests.request(
            request["method"],
            urllib.parse.urljoin(ISSUER, path),
            headers={name: value for name, value in headers.items() if value is not None},
            data=compact(body).encode(),
            timeout=PATIENCE_S,
        )
