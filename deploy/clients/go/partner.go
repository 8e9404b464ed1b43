// Package main pushes with the official CloudEvents SDK and verifies deliveries with the official Standard Webhooks
// library. Commands and their lines: see ../README.md.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

type pushRequest struct {
	Mode  string          `json:"mode"`
	Event json.RawMessage `json:"event"`
}

type pushAnswer struct {
	Delivered bool            `json:"delivered"`
	Status    int             `json:"status"`
	Code      *string         `json:"code"`
	Content   json.RawMessage `json:"content"`
}

type verifyRequest struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// signer signs the bytes that the SDK is about to send and keeps the answer, of which the SDK shows only the status.
type signer struct {
	status  int
	content []byte
}

func (s *signer) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	signed := request.Clone(request.Context())
	signed.Body = io.NopCloser(bytes.NewReader(body))
	signed.Header.Set("Authorization", authorization(request.Method, request.URL.RequestURI(), body))
	answer, err := http.DefaultTransport.RoundTrip(signed)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	s.status = answer.StatusCode
	s.content, err = io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(s.content))
	return answer, err
}

func authorization(method, path string, body []byte) string {
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		panic(err)
	}
	nonce := hex.EncodeToString(random)
	digest := hmac.New(sha256.New, []byte(os.Getenv("TPH_SECRET")))
	fmt.Fprintf(digest, "%s\n%s\n%s\n%s\n%s\n", method, path, timestamp, nonce, body)
	return fmt.Sprintf(`CP1-HMAC-SHA256 app_key="%s",timestamp="%s",nonce="%s",signature="%s"`,
		os.Getenv("TPH_APP_KEY"), timestamp, nonce, base64.StdEncoding.EncodeToString(digest.Sum(nil)))
}

func push(url string, line []byte) (any, error) {
	var request pushRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	event := cloudevents.NewEvent()
	if err := json.Unmarshal(request.Event, &event); err != nil {
		return nil, err
	}
	transport := &signer{}
	protocol, err := cehttp.New(cehttp.WithTarget(url), cehttp.WithRoundTripper(transport))
	if err != nil {
		return nil, err
	}
	client, err := cloudevents.NewClient(protocol)
	if err != nil {
		return nil, err
	}
	// 默认为二进制模式，必须写明结构化。The SDK sends binary mode unless the context says otherwise.
	ctx := context.Background()
	if request.Mode != "binary" {
		ctx = cloudevents.WithEncodingStructured(ctx)
	}
	result := client.Send(ctx, event)
	answer := pushAnswer{Delivered: cloudevents.IsACK(result), Status: transport.status, Content: transport.content}
	var problem struct {
		Code *string `json:"code"`
	}
	if err := json.Unmarshal(transport.content, &problem); err != nil {
		return nil, fmt.Errorf("%w: %v", err, result)
	}
	answer.Code = problem.Code
	return answer, nil
}

func verify(line []byte) (any, error) {
	var request verifyRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	webhook, err := standardwebhooks.NewWebhook(request.Secret)
	if err != nil {
		return nil, err
	}
	headers := http.Header{}
	for name, value := range request.Headers {
		headers.Set(name, value)
	}
	return map[string]bool{"valid": webhook.Verify([]byte(request.Body), headers) == nil}, nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var answer any
		var err error
		if os.Args[1] == "push" {
			answer, err = push(os.Args[2], lines.Bytes())
		} else {
			answer, err = verify(lines.Bytes())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			os.Exit(1)
		}
	}
}
