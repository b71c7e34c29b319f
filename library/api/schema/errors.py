"""What an error says (API 1.6): its members, every `reason` of ImageKit's and every `code` of ours.

A test holds `REASONS` and `CODES` against what the code can raise, both ways.
"""

from __future__ import annotations

from mediahub.lib.openapi.shapes import Shape, any_of, array, mapping, one_of, record, text

REASONS = {
    "FILE_ALREADY_EXISTS": "another file in the folder has the new name",
    "FILE_MISSING": "there is no file at this path",
    "FOLDER_NOT_FOUND": "there is no folder at this path",
    "INVALID_DESTINATION_PATH": "a folder cannot go into a folder inside itself",
    "INVALID_FOLDER_PATH": "the path holds `.` or `..`, or is too deep or too long, or its tree would be",
    "INVALID_PARAMETER": "a parameter has a value that cannot be meant",
    "MISSING_PARAMETER": "a parameter is missing",
    "NO_FILES_FOLDER": "there is nothing at the source path",
    "SAME_OLD_AND_NEW_NAME": "the file has that name already",
    "SAME_SOURCE_AND_DESTINATION": "it is there already",
    "SOURCE_FILE_MISSING": "there is no file at the source path",
    "SOURCE_IS_ROOT": "the root folder stays as it is",
    "TOO_MANY_OBJECTS": "the tree has more files and folders than one job takes",
    "VERSION_LIMIT_EXCEEDED": "the file would have more versions than a file may have",
}

CODES = {
    "animated_not_supported": "animated images cannot be transformed",
    "asset_deleted": "the file was deleted meanwhile",
    "backfill_state": "the backfill's state does not allow it",
    "blob_missing": "the stored bytes of a version are not there; its operator has to look",
    "checks_not_met": "the file or the request does not meet `checks`; the message says where it fails",
    "conflict": "the name or state is taken by something else",
    "corrupt_file": "the file is damaged",
    "corrupt_image": "the image is damaged, so it cannot be transformed",
    "current_version": "the current version cannot be deleted",
    "file_exists": "there is a file of this name, and it may not be overwritten",
    "file_not_processable": "the image is larger than what this server transforms",
    "file_too_large": "the file is larger than this server takes",
    "folder_locked": "a job is at work on this folder",
    "insufficient_units": "the account's extension units do not suffice",
    "invalid_backfill": "a backfill cannot be as asked",
    "invalid_base64": "the file is no valid base64",
    "invalid_checks": "the expression of `checks` cannot be read; `errors.position` says where",
    "invalid_custom_metadata": "values do not fit their fields; `errors` says which",
    "invalid_extensions": "a block of `extensions` cannot be accepted; `field` says which",
    "invalid_folder_operation": "the paths do not go together; `reason` says why",
    "invalid_json": "the JSON cannot be read, or is too deep",
    "invalid_metadata_field": "a custom metadata field cannot be as asked; `errors` says why",
    "invalid_multipart": "the form cannot be read",
    "invalid_name": "a name, path, tag or coordinate cannot be stored",
    "invalid_parameter": "a parameter is missing, of the wrong type or out of range",
    "invalid_request": "the request cannot be fulfilled as it is",
    "invalid_saved_extension": "a saved extension cannot be as asked",
    "invalid_search_query": "the expression cannot be read; `errors.position` says where",
    "invalid_text": "text holds NUL or half a character",
    "invalid_transformation": "`transformation` asks for what this server or the file does not allow",
    "invalid_upload_token": "what a client-side upload is signed with is wrong, expired, used or of another form",
    "not_found": "there is no such thing in this account",
    "not_implemented": "ImageKit has this operation and this server does not",
    "not_replayable": "the delivery is still being tried, or is too old",
    "request_too_large": "the body is larger than this server takes",
    "result_too_large": "a transformation would make a picture larger than what this server stores",
    "run_is_open": "the run has not ended",
    "run_is_over": "the run has ended",
    "same_place": "the file is there, or has the name, already",
    "secret_unreadable": "a stored secret cannot be read; its operator has to look",
    "service_unavailable": "a part of the server does not answer at present",
    "storage_full": "the server has no room for the file",
    "storage_unavailable": "the file storage does not answer at present",
    "too_many_backfills": "the account has as many unfinished backfills as an account may have",
    "transformation_not_available": "this server's system cannot limit what a picture costs, so it transforms none",
    "unsupported_file_type": "the file is no image of a kind that can be transformed",
    "version_limit_exceeded": "the file has as many versions as a file may have",
    "webhook_limit_exceeded": "the account has as many webhooks as an account may have",
}


def _listed(words: dict[str, str]) -> str:
    return "\n".join(f"- `{word}`: {meaning}" for word, meaning in words.items())


_MESSAGE = text("One sentence for people; its wording may change.", least=1)
_CODE = one_of(CODES, f"What is wrong, for programs. Ours alone.\n\n{_listed(CODES)}")
_HELP = text("Whom to ask.")

COMPONENTS: dict[str, Shape] = {
    "Error": record(
        {
            "message": _MESSAGE,
            "help": _HELP,
            "reason": one_of(REASONS, f"What is wrong, where ImageKit has a word for it.\n\n{_listed(REASONS)}"),
            "errors": mapping(
                any_of(text(), {"type": "integer"}),
                "Custom metadata and its fields, and saved extensions: member to what is wrong with it. "
                "Search and `checks`: `position`, the character from 1; and the `operand` that is to blame.",
            ),
            "missingFileIds": array(text(), "Ids of a bulk operation that name no file. Nothing was changed."),
            "missingIds": array(text(), "Ids of a review that name no AI tag. Nothing was changed."),
            "code": _CODE,
            "field": text("The member, form field or parameter at fault, such as `extensions[0].maxTags`."),
        },
        "Every refusal.",
        optional=("reason", "errors", "missingFileIds", "missingIds", "code", "field"),
    ),
    "TooManyRequests": record(
        {"message": _MESSAGE, "help": _HELP, "code": _CODE}, "A refusal for the time being.", optional=("help", "code")
    ),
}
