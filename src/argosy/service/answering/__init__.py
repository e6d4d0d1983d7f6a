"""How anything is answered: documents as JSON with their tags and conditions, and refusals as problems (RFC 9457).

May live here: what several routes answer alike. May not: what is asked for, and who may have it.
"""
