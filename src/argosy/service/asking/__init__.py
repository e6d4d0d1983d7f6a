"""What somebody asks, as it was sent: read, bounded and understood before anything is done about it.

May live here: the shapes of bodies, and rules for one header or one query parameter. May not: the runtime, and answers.
"""
