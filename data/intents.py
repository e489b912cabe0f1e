"""CLINC150: what people say to an assistant, by what they want of it, in ten domains (Larson et al. 2019).

Data: https://github.com/clinc/oos-eval, licence CC BY 3.0. An Evaluation Dataset for Intent Classification and Out-of-Scope
Prediction, EMNLP 2019, https://aclanthology.org/D19-1131. Its own division of each intent's sentences (100 to train on, 20 and
30) plays no part here, where whole intents are held out; and its 1,200 sentences of no intent are left out. Five sentences occur
twice, four of them under two intents; they stay as they were published.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

from data.config import setting
from data.download import fetch
from data.errors import DataError, shortened
from data.family import SPLITS, OnProgress, Split
from data.language import mark, tr
from data.places import Folders
from data.sizes import Sizes
from data.texts import Texts, TextsConfig

MOST_BYTES = 16 * 2**20  # the real file has 2.5 million
SENTENCES = 150  # of each intent
PARTS = ("train", "val", "test")  # of the file
# Domains that are near each other are in one split: money, the kitchen and work, what is said to the assistant about itself …
DOMAINS: dict[Split, dict[str, str]] = {
    "train": {
        "banking": "freeze_account routing pin_change bill_due pay_bill account_blocked interest_rate min_payment "
        "bill_balance transfer order_checks balance spending_history transactions report_fraud",
        "credit_cards": "replacement_card_duration expiration_date damaged_card improve_credit_score report_lost_card "
        "card_declined credit_limit_change apr redeem_rewards credit_limit rewards_balance application_status credit_score "
        "new_card international_fees",
        "kitchen_and_dining": "food_last confirm_reservation how_busy ingredients_list calories nutrition_info recipe "
        "restaurant_reviews restaurant_reservation meal_suggestion restaurant_suggestion cancel_reservation "
        "ingredient_substitution cook_time accept_reservations",
        "work": "pto_request_status next_holiday insurance_change insurance meeting_schedule payday taxes income "
        "rollover_401k pto_balance pto_request w2 schedule_meeting direct_deposit pto_used",
        "small_talk": "who_made_you meaning_of_life who_do_you_work_for do_you_have_pets what_are_your_hobbies fun_fact "
        "what_is_your_name where_are_you_from goodbye thank_you greeting tell_joke are_you_a_bot how_old_are_you "
        "what_can_i_ask_you",
        "meta": "change_speed user_name whisper_mode yes change_volume no change_language repeat change_accent cancel "
        "sync_device change_user_name change_ai_name reset_settings maybe",
    },
    "val": {
        "home": "what_song play_music todo_list_update reminder reminder_update calendar_update order_status "
        "update_playlist shopping_list calendar next_song order todo_list shopping_list_update smart_home",
        "utility": "weather alarm date find_phone share_location timer make_call calculator definition "
        "measurement_conversion flip_coin spelling time roll_dice text",
    },
    "test": {
        "auto_and_commute": "current_location oil_change_when oil_change_how uber traffic tire_pressure "
        "schedule_maintenance gas mpg distance directions last_maintenance gas_type tire_change jump_start",
        "travel": "plug_type travel_notification translate flight_status international_visa timezone exchange_rate "
        "travel_suggestion travel_alert vaccines lost_luggage book_flight book_hotel carry_on car_rental",
    },
}
INTENTS = {split: [name for names in some.values() for name in names.split()] for split, some in DOMAINS.items()}
EACH: dict[Split, int] = {"train": 9, "val": 3, "test": 3}  # intents of a domain that the intents split gives to each
Sentences = Mapping[str, Sequence[str]]  # by intent


class IntentsConfig(TextsConfig):
    """N-way K-shot tasks over CLINC150's intents."""

    name: Literal["intents"] = "intents"
    split: Literal["domains", "intents"] = setting("domains", "Split")
    """What is new at test: domains, whole fields of life that training never saw (6 train, 2 validate, 2 test); or intents, some
    of each domain (9 train, 3 validate, 3 test). Both make 90 / 30 / 30 intents.
    """
    split_seed: int = setting(0, "Seed of the intents split", ge=0, le=2**31 - 1, advanced=True)
    """Draws the intents split; that by domains ignores it."""


class Intents(Texts):
    """The official file of the data-set folder. A class is an intent, with 150 sentences."""

    Config = IntentsConfig
    config: IntentsConfig
    title = mark("Intents (CLINC150)")
    summary = mark(
        "What people say to an assistant, by what they want: 150 intents in ten domains. Those of no intent "
        "are left out."
    )
    group = "downloaded"
    licence = "CC BY 3.0, Larson et al. 2019"
    citation = (
        "Larson et al. 2019: An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction. EMNLP-IJCNLP."
    )
    address = "https://github.com/clinc/oos-eval/raw/master/data/"
    checksums: ClassVar[dict[str, str]] = {"data_full.json": "30c29dc6ab78edf3b5dfa640be204cde"}

    @classmethod
    def sizes(cls, config: IntentsConfig, folders: Folders | None) -> dict[Split, Sizes]:  # noqa: ARG003
        return {split: Sizes.even(len(INTENTS[split]), SENTENCES) for split in SPLITS}

    @classmethod
    def places(cls, config: IntentsConfig, folders: Folders) -> list[Path]:  # noqa: ARG003
        return [folders.datasets / "clinc150"]

    @classmethod
    def missing(cls, datasets: Path) -> list[Path]:
        path = file_of(datasets)
        return [] if path.is_file() else [path]

    @classmethod
    def download(cls, datasets: Path, progress: OnProgress) -> None:
        fetch(datasets / "clinc150", cls.address, cls.checksums, progress)

    def by_class(self, split: Split) -> Sentences:
        path = file_of(self.datasets)
        if self.missing(self.datasets):
            raise DataError(tr("{path} is missing.", path=path), self.remedy(), str(path))
        try:
            stat = path.stat()
            sentences = read(path, stat.st_size, stat.st_mtime_ns)
        except (OSError, ValueError, RecursionError) as error:
            reason = shortened(str(error) or type(error).__name__, 200).rstrip(".")
            raise DataError(
                tr("{path} cannot be used: {reason}.", path=path, reason=reason),
                tr("Delete it. {remedy}", remedy=self.remedy()),
                str(path),
            ) from error
        return {intent: sentences[intent] for intent in self.intents(split)}

    def intents(self, split: Split) -> list[str]:
        """Names of a split's intents, domain by domain."""
        if self.config.split == "domains":
            return INTENTS[split]
        generator, found = torch.Generator().manual_seed(self.config.split_seed), []
        for names in (names.split() for some in DOMAINS.values() for names in some.values()):
            order = torch.randperm(len(names), device="cpu", generator=generator).split(list(EACH.values()))
            found += [names[i] for i in sorted(dict(zip(EACH, order, strict=True))[split].tolist())]
        return found

    def remedy(self) -> str:
        files = tr(" and ").join(self.address + name for name in self.checksums)
        return tr(
            "Download {title} from the Train page, or put {files} into {folder}.",
            title=tr(self.title),
            files=files,
            folder=self.datasets / "clinc150",
        )


def file_of(datasets: Path) -> Path:
    return datasets / "clinc150" / "data_full.json"


@lru_cache(maxsize=2)
def read(path: Path, size: int, changed: int) -> Sentences:  # noqa: ARG001 - another time of change is another file
    """Each intent's sentences out of the official file. Raises ValueError for one that is not, OSError, RecursionError.

    size: bytes. changed: when it was last written to, ns since the epoch.
    """
    if size > MOST_BYTES:
        raise ValueError(tr("it has {size:,} bytes, and {most:,} are the most", size=size, most=MOST_BYTES))
    found: dict[str, list[str]] = {intent: [] for some in INTENTS.values() for intent in some}
    for text, intent in pairs(json.loads(path.read_text(encoding="utf-8"))):
        if intent not in found:
            raise ValueError(tr("there is no intent {intent!r} in CLINC150", intent=shortened(intent, 40)))
        found[intent].append(text)
    for intent, texts in found.items():
        if len(texts) != SENTENCES:
            raise ValueError(
                tr("{intent} has {n} sentences instead of {wanted}", intent=intent, n=len(texts), wanted=SENTENCES)
            )
    return found


def pairs(content: Any) -> list[tuple[str, str]]:
    """Sentence and intent of each row. Raises ValueError where the file is laid out otherwise."""
    parts = [content.get(part) for part in PARTS] if isinstance(content, dict) else []
    rows = [row for part in parts if isinstance(part, list) for row in part]
    pairs_only = all(
        isinstance(row, list) and len(row) == 2 and all(isinstance(one, str) for one in row) for row in rows
    )
    if not rows or not pairs_only:
        raise ValueError(
            tr("it is not laid out as CLINC150 is, in pairs of sentence and intent under train, val and test")
        )
    return [(text, intent) for text, intent in rows]
