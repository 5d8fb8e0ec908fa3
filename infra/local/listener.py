"""What machines hear of a stack: its events on EventBridge, and the sentences that its topic publishes."""

import json
from collections import Counter
from typing import Any

from . import aws, telling
from .instance import Instance

# So many messages are read at once, and so long is waited for them, in seconds.
MOST, PATIENCE = 10, 1


class Listener:
    """A program that has subscribed to everything, each with a queue of its own."""

    def __init__(self, instance: Instance) -> None:
        self.sqs = aws.client(instance, "sqs")
        self.events, queue = self._queue("heard-events", "events.amazonaws.com")
        rules = aws.client(instance, "events")
        rules.put_rule(Name="listener", EventPattern=json.dumps({"source": ["postroom"]}))
        rules.put_targets(Rule="listener", Targets=[{"Id": "queue", "Arn": queue}])
        self.sentences, queue = self._queue("heard-sentences", "sns.amazonaws.com")
        topic = aws.outputs(instance)["IncidentTopicArn"]
        raw = {"RawMessageDelivery": "true"}
        aws.client(instance, "sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)

    def heard(self) -> tuple[list[dict[str, Any]], list[str]]:
        """The events since it was last asked, and what is wrong with them or with the sentences."""
        events = [json.loads(text) for text in self._read(self.events)]
        problems = [problem for event in events for problem in telling.errors(event)]
        # A text of the topic may stand in quotation marks, as its rule has it.
        heard = Counter(text.strip().strip('"') for text in self._read(self.sentences))
        said = Counter("Postroom {stack}: {summary}".format(**event["detail"]) for event in events)
        problems += [f"the topic did not publish: {text}" for text in said - heard]
        problems += [f"the topic published what no event says: {text}" for text in heard - said]
        return events, problems

    def _queue(self, name: str, sender: str) -> tuple[str, str]:
        """A queue that a service may send to: its address and its name to AWS."""
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allowed = {"Effect": "Allow", "Principal": {"Service": sender}, "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return url, arn

    def _read(self, queue: str) -> list[str]:
        read: list[str] = []
        while messages := self._receive(queue):
            read += [message["Body"] for message in messages]
            done = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
            self.sqs.delete_message_batch(QueueUrl=queue, Entries=done)
        return read

    def _receive(self, queue: str) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=MOST, WaitTimeSeconds=PATIENCE)
        return answer.get("Messages", [])
