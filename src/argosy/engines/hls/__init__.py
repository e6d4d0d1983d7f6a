"""HTTP Live Streaming (RFC 8216): a playlist of short segments brought as one file. Needs the ``hls`` extra."""
