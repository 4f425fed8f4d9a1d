// Submit a run and wait for its end, with Kafka's own Java client (kafka-clients and slf4j-api on the class path).
//
//   KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 java -cp 'lib/*' Submit.java hello '"world"' hello-1

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Submit {
    static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    static String header(ConsumerRecord<?, ?> record, String name) {
        var found = record.headers().lastHeader(name);
        return found == null ? "" : new String(found.value(), UTF_8);
    }

    public static void main(String[] arguments) throws Exception {
        String pipeline = arguments[0], input = arguments[1], runId = arguments[2];
        String prefix = setting("ARGOSY_KAFKA__TOPIC_PREFIX", "argosy");
        Map<String, Object> where =
                Map.of("bootstrap.servers", setting("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"));

        try (var results = new KafkaConsumer<>(where, new StringDeserializer(), new StringDeserializer());
                var producer = new KafkaProducer<>(where, new StringSerializer(), new StringSerializer())) {
            // No group. The position is fixed before the submit: then the answer can't be missed.
            List<TopicPartition> partitions = results.partitionsFor(prefix + ".results").stream()
                    .map(each -> new TopicPartition(each.topic(), each.partition()))
                    .toList();
            results.assign(partitions);
            results.seekToEnd(partitions);
            partitions.forEach(results::position);

            // `input` is JSON already; a pipeline's name needs no escapes.
            String body = "{\"pipeline\": \"" + pipeline + "\", \"input\": " + input + "}";
            var submit = new ProducerRecord<>(prefix + ".inbox", runId, body);
            Map.of(
                    "ce_specversion", "1.0",
                    "ce_type", "argosy.run.submitted.v1",
                    "ce_id", UUID.randomUUID().toString(),
                    "ce_source", "example/java",
                    "ce_subject", runId,
                    "content-type", "application/json")
                    .forEach((name, value) -> submit.headers().add(name, value.getBytes(UTF_8)));
            var sent = producer.send(submit).get(); // idempotent, acks=all: the defaults
            String position = sent.partition() + "/" + sent.offset();

            long until = System.nanoTime() + Duration.ofMinutes(2).toNanos();
            while (System.nanoTime() < until) {
                for (var record : results.poll(Duration.ofSeconds(1))) {
                    if (!header(record, "ce_subject").equals(runId)) {
                        continue;
                    }
                    String type = header(record, "ce_type");
                    if (type.equals("argosy.run.ended.v1")) {
                        System.out.println(record.value()); // {"outcome": "succeeded", "result": {"value": …}, …}
                        return;
                    }
                    if (type.equals("argosy.submit.refused.v1") && header(record, "ce_id").equals(position)) {
                        System.err.println(record.value());
                        System.exit(1);
                    }
                }
            }
        }
        System.err.println("no answer within 2 minutes; the run goes on");
        System.exit(1);
    }
}
