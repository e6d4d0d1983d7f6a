"""The API, described: as OpenAPI, and its live channels as AsyncAPI, both made of the classes that are sent and read."""
