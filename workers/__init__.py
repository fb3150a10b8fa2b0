"""What happens after the 202: claim, plan, perform, finish. Only tests import from here."""
