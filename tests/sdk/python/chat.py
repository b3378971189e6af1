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


def chat(call, pieces):
    answer = client.chat.completions.create(
        model=call["model"],
        messages=[{"role": "user", "content": call["question"]}],
        stream=call["stream"],
    )
    if not call["stream"]:
        pieces.append(answer.choices[0].message.content)
        return
    chunks = []
    for chunk in answer:
        chunks.append(chunk)
        pieces.extend(c.delta.content for c in chunk.choices if c.delta.content)
    ends = [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason]
    assert ends == ["stop"], f"finish reasons: {ends}"
    ids = {chunk.id for chunk in chunks}
    assert len(ids) == 1, f"ids: {ids}"


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
