"""Key files as Google hands them out, with keys of our own making."""

import functools
import json
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@functools.cache
def rsa_key() -> rsa.RSAPrivateKey:
    """A key for the whole test run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def service_account(key: rsa.RSAPrivateKey) -> str:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "shop",
            "private_key_id": "key-1",
            "private_key": pem,
            "client_email": "tagger@shop.example",
            "client_id": "1",
            "token_uri": "http://127.0.0.1:9/token",
        }
    )


def federated(token_url: str, folder: Path) -> str:
    """Workload identity federation: a token of somebody else's, in a file, is changed for one of Google's."""
    (folder / "token").write_text("somebody else's token")
    return json.dumps(
        {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": token_url,
            "credential_source": {"file": str(folder / "token")},
        }
    )
