"""The comparison of answers with the OpenAPI document: it must be able to fail."""

import pytest
from django.http import HttpResponse, JsonResponse

from tests.described import check, check_body_sent

USAGE = {
    "bandwidthBytes": 0,
    "mediaLibraryStorageBytes": 0,
    "videoProcessingUnitsCount": 0,
    "extensionUnitsCount": 0,
    "originalCacheStorageBytes": 0,
}
REQUEST_ID = {"x-ik-requestId": "6f0d2c1e-90ab-4c55-8f4e-2a7b1c9d0e33"}
ERROR = {"message": "No.", "help": "Ask."}


def test_an_answer_as_documented_passes():
    check("GET", "/v1/accounts/usage", JsonResponse(USAGE, headers=REQUEST_ID))


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (JsonResponse(USAGE | {"more": 1}, headers=REQUEST_ID), "does not match"),
        (JsonResponse(USAGE | {"bandwidthBytes": "0"}, headers=REQUEST_ID), "does not match"),
        (JsonResponse({}, headers=REQUEST_ID), "does not match"),
        (JsonResponse(ERROR, status=418, headers=REQUEST_ID), "not documented"),
        (JsonResponse(ERROR | {"code": "unheard_of"}, status=400, headers=REQUEST_ID), "does not match"),
        (JsonResponse(ERROR | {"reason": "FILE_MISSING"}, status=400, headers=REQUEST_ID), "has the reason"),
        (JsonResponse(USAGE), "lacks"),
        (JsonResponse(USAGE, headers={**REQUEST_ID, "x-ik-more": "1"}), "headers"),
        (HttpResponse("<p>", headers=REQUEST_ID), "text/html"),
    ],
)
def test_an_answer_that_is_not_documented_fails(answer, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check("GET", "/v1/accounts/usage", answer)


def test_a_body_that_was_taken_against_the_document_fails():
    check_body_sent("POST", "/v1/folder", '{"folderName": "a", "parentFolderPath": "/"}')
    with pytest.raises(AssertionError, match="refuses"):
        check_body_sent("POST", "/v1/folder", '{"folderName": "a"}')
