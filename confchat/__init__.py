"""The project and the chat: sealed sessions over attested evidence."""
