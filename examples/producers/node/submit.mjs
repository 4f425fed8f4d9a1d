// Submit a run and wait for its end, with kafkajs.
//
//   npm install kafkajs
//   KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 node submit.mjs hello '"world"' hello-1

import { randomUUID } from "node:crypto";
import kafkajs from "kafkajs";

const { Kafka, Partitioners, logLevel } = kafkajs;
const [pipeline, input, runId] = process.argv.slice(2);
const prefix = process.env.ARGOSY_KAFKA__TOPIC_PREFIX ?? "argosy";
const topic = `${prefix}.results`;
const kafka = new Kafka({
  brokers: (process.env.KAFKA_BOOTSTRAP_SERVERS ?? "127.0.0.1:9092").split(","),
  logLevel: logLevel.ERROR,
});

// The positions before the submit: then the answer can't be missed.
const admin = kafka.admin();
await admin.connect();
const ends = await admin.fetchTopicOffsets(topic);
await admin.disconnect();

const producer = kafka.producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner });
await producer.connect();
const [sent] = await producer.send({
  topic: `${prefix}.inbox`,
  acks: -1,
  messages: [
    {
      key: runId,
      value: JSON.stringify({ pipeline, input: JSON.parse(input) }),
      headers: {
        ce_specversion: "1.0",
        ce_type: "argosy.run.submitted.v1",
        ce_id: randomUUID(),
        ce_source: "example/node",
        ce_subject: runId,
        "content-type": "application/json",
      },
    },
  ],
});
await producer.disconnect();
const position = `${sent.partition}/${sent.baseOffset}`;

// kafkajs reads in a group only: one of our own, that commits nothing and vanishes when it is left.
const consumer = kafka.consumer({ groupId: `submit-${randomUUID()}` });
await consumer.connect();
await consumer.subscribe({ topic });
const answer = await new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error("no answer within 2 minutes; the run goes on")), 120_000).unref();
  consumer
    .run({
      autoCommit: false,
      eachMessage: async ({ message }) => {
        const header = (name) => message.headers[name]?.toString();
        if (header("ce_subject") !== runId) return;
        const type = header("ce_type");
        const refused = type === "argosy.submit.refused.v1" && header("ce_id") === position;
        if (refused || type === "argosy.run.ended.v1") resolve({ type, ...JSON.parse(message.value) });
      },
    })
    .catch(reject);
  for (const { partition, high } of ends) consumer.seek({ topic, partition, offset: high });
});
await consumer.disconnect();
console.log(JSON.stringify(answer));
process.exitCode = answer.outcome === "succeeded" ? 0 : 1;
