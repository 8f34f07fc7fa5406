"""Answers: questions to a ledger, in sentences with their numbers and intervals."""

from .answer import Answer, Answers
from .ask import QUESTIONS, ask
from .lint import forbidden_words
from .sentences import unsourced_numbers
from .table import arm_table

__all__ = ["QUESTIONS", "Answer", "Answers", "arm_table", "ask", "forbidden_words", "unsourced_numbers"]
