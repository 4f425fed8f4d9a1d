// Submit a run and wait for its end, with franz-go.
//
//	KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 go run . hello '"world"' hello-1
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func header(record *kgo.Record, name string) string {
	for _, each := range record.Headers {
		if each.Key == name {
			return string(each.Value)
		}
	}
	return ""
}

func main() {
	pipeline, input, runID := os.Args[1], json.RawMessage(os.Args[2]), os.Args[3]
	prefix := setting("ARGOSY_KAFKA__TOPIC_PREFIX", "argosy")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	// franz-go is idempotent and waits for all replicas unless told otherwise. No group: every partition is read, the last
	// thousand answers and what comes: ours may have come before the position is taken.
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(setting("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"), ",")...),
		kgo.ConsumeTopics(prefix+".results"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd().Relative(-1000)),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	body, err := json.Marshal(map[string]any{"pipeline": pipeline, "input": input})
	if err != nil {
		log.Fatal(err)
	}
	submit := &kgo.Record{
		Topic: prefix + ".inbox",
		Key:   []byte(runID),
		Value: body,
		Headers: []kgo.RecordHeader{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_type", Value: []byte("argosy.run.submitted.v1")},
			{Key: "ce_id", Value: []byte(rand.Text())},
			{Key: "ce_source", Value: []byte("example/go")},
			{Key: "ce_subject", Value: []byte(runID)},
			{Key: "content-type", Value: []byte("application/json")},
		},
	}
	sent, err := client.ProduceSync(ctx, submit).First()
	if err != nil {
		log.Fatalf("not acknowledged: %v; repeat it with the same run id", err)
	}
	position := fmt.Sprintf("%d/%d", sent.Partition, sent.Offset)

	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			log.Fatal("no answer within 2 minutes; the run goes on")
		}
		for _, record := range fetches.Records() {
			if header(record, "ce_subject") != runID {
				continue
			}
			switch header(record, "ce_type") {
			case "argosy.run.ended.v1":
				var ended struct {
					Outcome string          `json:"outcome"`
					Result  json.RawMessage `json:"result"` // {"value": …}, or a reference if it is over 64 KiB
					Fault   json.RawMessage `json:"fault"`
				}
				if err := json.Unmarshal(record.Value, &ended); err != nil {
					log.Fatal(err)
				}
				if ended.Outcome != "succeeded" {
					log.Fatalf("%s: %s", ended.Outcome, ended.Fault)
				}
				fmt.Println(string(ended.Result))
				return
			case "argosy.submit.refused.v1":
				if header(record, "ce_id") == position {
					log.Fatalf("refused: %s", record.Value)
				}
			}
		}
	}
}
