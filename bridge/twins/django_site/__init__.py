"""The Django project of a real helpdesk: its modules run in that helpdesk's own virtual environment."""
