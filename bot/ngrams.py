"""How a text looks to the intent model: its words and pieces of words, weighted by TF-IDF. Knows no language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer


def words(text: str) -> list[str]:
    """Each word, and each two in a row."""
    single = text.split()
    return [*single, *(f"{first} {second}" for first, second in pairwise(single))]


def pieces(text: str) -> list[str]:
    """Each two, three and four characters in a row within a word; a space marks the word's edges."""
    edged = [f" {word} " for word in text.split()]
    return [word[i : i + length] for word in edged for length in (2, 3, 4) for i in range(len(word) - length + 1)]


# What is looked for in a text, and how long the vector of each kind is.
KINDS = ((words, 1.0), (pieces, 1.5))


class Counts:
    """How often each n-gram stands in each of some texts: counted once, weighed anew for every part that is learnt."""

    def __init__(self, texts: Sequence[str]) -> None:
        counters = [CountVectorizer(analyzer=find, dtype=np.float32) for find, _ in KINDS]
        self.tables = [counter.fit_transform(texts) for counter in counters]  # of each kind, a row a text
        self.terms = [counter.get_feature_names_out() for counter in counters]


class Weighing:
    """What n-grams weigh to whoever knows only some of the texts; n-grams that stand in none of these are not known."""

    def __init__(self, counts: Counts, learnt: np.ndarray) -> None:
        """`learnt`: the rows of the texts."""
        self._counts = counts
        self.known, self._rarity = [], []
        for table in counts.tables:
            rows = table[learnt]
            known = np.unique(rows.indices)
            self.known.append(known)
            self._rarity.append(TfidfTransformer(sublinear_tf=True).fit(rows[:, known]))

    def __call__(self, rows: np.ndarray) -> csr_matrix:
        """The weights in these texts: a row a text, a column a known n-gram, kind after kind."""
        kinds = zip(self._counts.tables, self.known, self._rarity, KINDS, strict=True)
        weights = [length * rarity.transform(table[rows][:, known]) for table, known, rarity, (_, length) in kinds]
        return hstack(weights, format="csr")

    def ngrams(self) -> Ngrams:
        """What is needed to weigh other texts."""
        terms = ["\n".join(terms[known]) for terms, known in zip(self._counts.terms, self.known, strict=True)]
        return Ngrams(terms, [rarity.idf_ for rarity in self._rarity])


class Ngrams:
    """The n-grams of some texts, numbered kind after kind.

    scikit-learn learns them. A single text is weighed here by the same formula, without the matrices and checks that
    take ten times as long as the arithmetic.
    """

    def __init__(self, terms: list[str], rarity: list[np.ndarray]) -> None:
        self.terms = terms  # of each kind, a line each
        self.rarity = rarity  # of each kind what its n-grams weigh (their IDF)
        self._numbers = [{term: number for number, term in enumerate(lines.split("\n"))} for lines in terms]

    def weigh(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the known n-grams in a text, and their weights."""
        numbers, weights, first = [], [], 0
        for (find, length), known, rarity in zip(KINDS, self._numbers, self.rarity, strict=True):
            counts = Counter(map(known.get, find(text)))
            counts.pop(None, None)
            found = np.fromiter(counts.keys(), np.intp, len(counts))
            weight = (np.log(np.fromiter(counts.values(), np.float32, len(counts))) + 1) * rarity[found]
            numbers.append(first + found)
            weights.append(weight * (length / max(np.linalg.norm(weight), 1.0)))
            first += len(rarity)
        return np.concatenate(numbers), np.concatenate(weights)
