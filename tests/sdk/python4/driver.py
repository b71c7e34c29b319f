"""Runs imagekitio 4, unmodified, in the environment that has it: a call a line on stdin, an outcome a line on stdout.

`tests.sdk.python4.client` starts it. In arguments `{"$bytes": base64}`, `{"$file": path}`, `{"$field_type": name}` and
`{"$options": class, "fields": {...}}` stand for what JSON has no words for.
"""

import base64
import importlib
import json
import os
import sys

from imagekitio import ImageKit


def decoded(value):
    if isinstance(value, dict) and "$bytes" in value:
        return base64.b64decode(value["$bytes"])
    if isinstance(value, dict) and "$file" in value:
        return open(value["$file"], "rb")
    if isinstance(value, dict) and "$field_type" in value:
        from imagekitio.models.CustomMetaDataTypeEnum import CustomMetaDataTypeEnum

        return CustomMetaDataTypeEnum[value["$field_type"]]
    if isinstance(value, dict) and "$options" in value:
        name = value["$options"]
        made = getattr(importlib.import_module(f"imagekitio.models.{name}"), name)
        return made(**{key: decoded(item) for key, item in value["fields"].items()})
    return value


def plain(value):
    """A result as JSON: public attributes of objects, recursively."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return {name: plain(item) for name, item in vars(value).items() if not name.startswith("_")}


def outcome(client, name, words, keywords):
    if name == "methods":
        return {"value": [word for word in dir(client) if not word.startswith("_") and callable(getattr(client, word))]}
    try:
        result = getattr(client, name)(
            *[decoded(word) for word in words], **{key: decoded(word) for key, word in keywords.items()}
        )
    except Exception as error:
        about = getattr(error, "response_metadata", None)
        return {
            "error": type(error).__name__,
            "message": str(error),
            "help": getattr(error, "response_help", None),
            "status": about.http_status_code if about else None,
            "raw": about.raw if about else None,
        }
    about = getattr(result, "response_metadata", None)
    if about is None:
        return {"value": plain(result)}
    return {"value": plain(result), "status": about.http_status_code, "raw": about.raw}


def main():
    client = ImageKit(
        private_key=os.environ["SDK_PRIVATE_KEY"],
        public_key=os.environ["SDK_PUBLIC_KEY"],
        url_endpoint=os.environ["SDK_URL_ENDPOINT"],
    )
    for line in sys.stdin:
        call = json.loads(line)
        print(json.dumps(outcome(client, call["name"], call["words"], call["keywords"])), flush=True)


main()
