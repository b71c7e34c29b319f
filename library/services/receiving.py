"""The last step of receiving a file, before its bytes are stored: the same for the upload API and the admin's page."""

from django.conf import settings

from library.gps import without_gps
from mediahub.lib.errors import DomainError
from mediahub.lib.spool import SpooledFile


def ready_to_store(spooled: SpooledFile) -> SpooledFile:
    """The file as it is to be stored: not empty, and without its place if MEDIAHUB_STRIP_GPS asks for that (REL U8).

    The caller closes what it gets; a file that is refused or cannot be worked on is closed here. Raises DomainError
    for an empty file.
    """
    try:
        if not spooled.size:
            raise DomainError("The file is empty.", code="invalid_parameter", field="file")
        return without_gps(spooled) if settings.MEDIAHUB_STRIP_GPS else spooled
    except BaseException:
        spooled.close()
        raise
