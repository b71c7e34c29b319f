"""`ai-auto-description` and `ai-tasks` by any endpoint that speaks OpenAI's chat completions with images.

The same code asks OpenAI, a gateway, or a server on this machine (Ollama, vLLM, llama.cpp, LM Studio): address, key and
model are settings. What the model is told is in `vision_prompts`; here the call is made and its answer taken apart.
An answer that is not what was asked for is `bad_provider_result`; whether values are allowed is judged by the run.
"""

import base64
import json
import re
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings

from extensions.providers.base import (
    Availability,
    Output,
    PermanentProviderError,
    ProviderError,
    ProviderUnavailable,
    RunInput,
    TasksAnswered,
    TextFound,
)
from extensions.providers.http import NOT_CONFIGURED, OUT_OF_CREDITS, REFUSED, HttpProvider
from extensions.providers.vision_prompts import answers_from, describe_messages, task_messages, tasks_schema
from extensions.vision.prepare import ImageLimits
from mediahub.lib.errors import DomainError
from mediahub.lib.http import Answer, BadUrl, check_url, policy_from_settings
from mediahub.lib.json_input import loads_strict

BAD_RESULT = "bad_provider_result"
MODEL_REFUSED = "model_refused"
ANSWER_BYTES_MAX = 1 << 20
LONGEST_MODEL = 80
_COUNT_MAX = 10**9
_FENCED = re.compile(r"```(?:json)?[ \t]*\r?\n(.*?)\r?\n?```", re.DOTALL | re.IGNORECASE)
# Local servers pass a reasoning model's thoughts on in front of its answer.
_THOUGHT = re.compile(r"\s*<think>.*?</think>\s*", re.DOTALL)


class OpenAICompatible(HttpProvider):
    slug: ClassVar[str] = "openai-compatible"
    title: ClassVar[str] = "OpenAI-compatible endpoint"
    extensions: ClassVar[tuple[str, ...]] = ("ai-auto-description", "ai-tasks")
    # Models look at about this much; more only costs tokens and time.
    limits: ClassVar[ImageLimits | None] = ImageLimits(("image/jpeg",), max_bytes=2_000_000, max_side=1024)

    @property
    def api_key(self) -> str:
        return str(settings.MEDIAHUB_AI_API_KEY)

    def availability(self) -> Availability:
        if not settings.MEDIAHUB_AI_BASE_URL:
            return Availability(
                False, "Set MEDIAHUB_AI_BASE_URL to an OpenAI-compatible endpoint, and MEDIAHUB_AI_MODEL."
            )
        if not settings.MEDIAHUB_AI_MODEL:
            return Availability(False, "Set MEDIAHUB_AI_MODEL to the name of a model that sees images.")
        if not (self.api_key.isascii() and self.api_key.isprintable()):
            return Availability(False, "MEDIAHUB_AI_API_KEY holds characters that no API key has; set it anew.")
        try:
            check_url(settings.MEDIAHUB_AI_BASE_URL, policy=policy_from_settings(operator_address=True))
        except BadUrl as error:
            return Availability(False, f"MEDIAHUB_AI_BASE_URL: {error}")
        return Availability(True)

    def run(self, run_input: RunInput) -> Output:
        """Ask the model once. Facts: tokens used, why the answer ended, duration."""
        started = time.monotonic()
        completion = self._complete(run_input)
        text, facts = self._content(completion)
        facts["ms"] = round((time.monotonic() - started) * 1000)
        model = self._model(completion)
        if run_input.extension == "ai-auto-description":
            return TextFound(_THOUGHT.sub("", text).strip(), model, facts)
        tasks = run_input.params["tasks"]
        return TasksAnswered(answers_from(_object(text), tasks, run_input.fields), model, facts)

    def refusal(self, answer: Answer) -> ProviderError:
        """The endpoint's own words; a status that tells of a wrong address or model is the operator's affair."""
        error = _error_of(answer.body)
        words = self.quote(error.get("message") or f"status {answer.status}")
        if answer.status in (404, 405, 410) or error.get("code") == "model_not_found":
            message = f"MEDIAHUB_AI_BASE_URL or MEDIAHUB_AI_MODEL is wrong: {words}"
            return ProviderUnavailable(NOT_CONFIGURED, message)
        return PermanentProviderError(REFUSED, f"The AI endpoint refused the request: {words}")

    def _status_error(self, answer: Answer) -> ProviderError:
        """OpenAI says 429 also to an account without credits, where waiting does not help."""
        if answer.status == 429 and _error_of(answer.body).get("code") == "insufficient_quota":
            return ProviderUnavailable(OUT_OF_CREDITS, "The account at the AI endpoint has no credits left.")
        return super()._status_error(answer)

    def _complete(self, run_input: RunInput) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        answer = self.call(
            "POST",
            f"{settings.MEDIAHUB_AI_BASE_URL}/chat/completions",
            headers=headers,
            body=json.dumps(request_body(run_input)).encode(),
            deadline_s=run_input.deadline_s,
            max_answer_bytes=ANSWER_BYTES_MAX,
        )
        return _json_object(answer.body, "The AI endpoint did not answer with a chat completion.")

    def _content(self, completion: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The text of the first choice, whole, and facts about it. Raises PermanentProviderError."""
        choices = completion.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict):
            raise PermanentProviderError(BAD_RESULT, "The AI endpoint answered without a message.")
        reason = choice.get("finish_reason")
        if message.get("refusal") or reason == "content_filter":
            words = self.quote(message.get("refusal") or "its filter stopped the answer")
            raise PermanentProviderError(MODEL_REFUSED, f"The model declined to answer: {words}")
        if reason == "length":
            sentence = "The model's answer was cut off; raise MEDIAHUB_AI_MAX_TOKENS or ask for less."
            raise PermanentProviderError(BAD_RESULT, sentence)
        text = _text_of(message.get("content"))
        if not text.strip():
            raise PermanentProviderError(BAD_RESULT, "The model answered with nothing.")
        return text, _facts(completion, reason)

    def _model(self, completion: Mapping[str, Any]) -> str:
        """The model that answered, by its own account: an alias such as `latest` names the version in use."""
        name = completion.get("model")
        said = self.quote(name) if isinstance(name, str) else ""
        return (said or self.quote(settings.MEDIAHUB_AI_MODEL))[:LONGEST_MODEL].strip()


def request_body(run_input: RunInput) -> dict[str, Any]:
    """The chat completion request. No temperature is sent: some models accept their own default only."""
    picture = f"data:{run_input.mime};base64,{base64.b64encode(run_input.image).decode()}"
    body: dict[str, Any] = {
        "model": settings.MEDIAHUB_AI_MODEL,
        settings.MEDIAHUB_AI_TOKENS_FIELD: settings.MEDIAHUB_AI_MAX_TOKENS,
    }
    if run_input.extension == "ai-auto-description":
        return body | {"messages": describe_messages(picture, language=settings.MEDIAHUB_AI_LANGUAGE)}
    tasks = run_input.params["tasks"]
    body["messages"] = task_messages(picture, tasks, run_input.fields)
    if settings.MEDIAHUB_AI_ANSWER_FORMAT == "json_schema":
        schema = {"name": "answers", "strict": True, "schema": tasks_schema(tasks, run_input.fields)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif settings.MEDIAHUB_AI_ANSWER_FORMAT == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def _object(text: str) -> dict[str, Any]:
    """The JSON object that the model's text is, also in a code fence; text around it makes it no answer."""
    text = _THOUGHT.sub("", text, count=1).strip()
    fenced = _FENCED.fullmatch(text)
    return _json_object((fenced[1] if fenced else text).encode(), "The model did not answer with a JSON object.")


def _json_object(data: bytes, complaint: str) -> dict[str, Any]:
    try:
        value = loads_strict(data)
    except (DomainError, UnicodeError) as error:
        raise PermanentProviderError(BAD_RESULT, complaint) from error
    if not isinstance(value, dict):
        raise PermanentProviderError(BAD_RESULT, complaint)
    return value


def _text_of(content: Any) -> str:
    """A message's content: a text, or the texts of its parts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""


def _facts(completion: Mapping[str, Any], reason: Any) -> dict[str, Any]:
    usage = completion.get("usage")
    facts: dict[str, Any] = {}
    for name in ("prompt_tokens", "completion_tokens"):
        count = usage.get(name) if isinstance(usage, dict) else None
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= _COUNT_MAX:
            facts[name] = count
    if isinstance(reason, str) and re.fullmatch(r"[a-z_]{1,40}", reason):
        facts["finish_reason"] = reason
    return facts


def _error_of(body: bytes) -> dict[str, Any]:
    """The `error` object of a refusal; empty when there is none. Some servers put a bare text there."""
    try:
        value = loads_strict(body)
    except (DomainError, UnicodeError):
        return {}
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, dict) else {"message": error} if isinstance(error, str) else {}
