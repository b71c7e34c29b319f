"""Pure: what the bytes of an image say about it (EXIF, IPTC, XMP), read from its header. No pixel is decoded."""
