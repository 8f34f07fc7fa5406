"""Answers: questions to a ledger, in sentences with their numbers and intervals."""

from .answer import Answer, Answers
from .ask import QUESTIONS, ask
from .sentences import unsourced_numbers
from .table import arm_table

__all__ = ["QUESTIONS", "Answer", "Answers", "arm_table", "ask", "unsourced_numbers"]
