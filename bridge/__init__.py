"""The bridge between a company's helpdesk and Jelou. The tour of the code is in README.md."""
