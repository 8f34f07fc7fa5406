"""What MLflow runs to serve an exported classifier; every such model holds a copy of this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

TEXT, LABEL, PROBABILITY = "text", "label", "probability_"


class TextModel(PythonModel):
    """Column ``text`` to ``label`` and the ``probability_NAME`` of every class."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the classifier and its encoder; refuses files that are not those that were exported."""
        from synaug.deploy import load

        encoder = context.artifacts.get("encoder")
        self.classifier = load(Path(context.artifacts["classifier"]), Path(encoder) if encoder else None)

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """One row a text, in the order given."""
        missing = [row for row, text in enumerate(model_input[TEXT]) if not isinstance(text, str)]
        if missing:  # MLflow reads "NA" and "null" in a CSV as missing
            raise ValueError(f"rows {missing[:5]} have no text; send texts such as NA as JSON")
        classes = self.classifier.classes
        probability = self.classifier.probabilities(model_input[TEXT].tolist())
        found = pd.DataFrame(probability, columns=[f"{PROBABILITY}{name}" for name in classes])
        found.insert(0, LABEL, [classes[code] for code in probability.argmax(1)])
        return found


set_model(TextModel())
