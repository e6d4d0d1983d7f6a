"""Video sites through yt-dlp, which runs in a process of its own: it says where the bytes are, and our engines fetch them
where they can. What only yt-dlp can fetch it fetches itself, into a folder beside the part.

``worker/`` is that other process; nothing else imports it, and it alone imports yt-dlp.
"""
