"""Calls chat completions with the official library, for the Java test that started this.

usage: chat.py BASE_URL TOKEN TIMEOUT_SECONDS

A line in is a call, {"id", "model", "question", "stream"}; a line out is its end, {"id", "text",
"error", "status"}: the text that came, and the exception and its HTTP status if there are any.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import openai

base_url, token, timeout = sys.argv[1:]
client = openai.OpenAI(
    base_url=base_url,
    api_key="sk-caller",
    default_headers={"ApiKey": token},
    max_retries=0,
    timeout=float(timeout),
)
printing = Lock()


def said(message):
    """The text of a message or of a delta, or the arguments of a tool call."""
    calls = message.tool_calls or []
    return (message.content or "") + "".join(c.function.arguments or "" for c in calls)


def chat(call, pieces):
    request = {
        "model": call["model"],
        "messages": [{"role": "user", "content": call["question"]}],
    }
    if not call["stream"]:
        answer = client.chat.completions.create(**request)
        pieces.append(said(answer.choices[0].message))
        return
    chunks = []
    for chunk in client.chat.completions.create(
        stream=True, stream_options={"include_usage": True}, **request
    ):
        chunks.append(chunk)
        pieces.extend(said(choice.delta) for choice in chunk.choices)
    ends = [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason]
    assert len(ends) == 1, f"finish reasons: {ends}"
    ids = {chunk.id for chunk in chunks}
    assert len(ids) == 1, f"ids: {ids}"
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert len(usages) == 1, f"usages: {usages}"
    usage = usages[0]
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0, usage


def answer(line):
    call = json.loads(line)
    pieces = []
    end = {"id": call["id"], "error": None, "status": None}
    try:
        chat(call, pieces)
    except openai.APIStatusError as error:
        end.update(error=type(error).__name__, status=error.status_code)
    except Exception as error:
        end.update(error=f"{type(error).__name__}: {error}")
    end["text"] = "".join(pieces)
    with printing:
        print(json.dumps(end), flush=True)


print("ready", flush=True)
with ThreadPoolExecutor(16) as calls:
    for line in sys.stdin:
        calls.submit(answer, line)
