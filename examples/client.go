// A whole client of the gateway, with the library gorilla/websocket (Debian: golang-github-gorilla-websocket-dev):
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run examples/client.go
//
// It prints what its app sees as JSON lines. GATEWAY_URL, GATEWAY_LOGIN_URL and GATEWAY_USER say what to connect to.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// The codes after which reconnecting would not help.
var final = []int{1002, 1007, 1008, 1009, 4001, 4010, 4011}

// frame is any frame. Unknown fields are ignored; times are doubles, which hold 2^53 - 1.
type frame struct {
	Op                float64         `json:"op"`
	HeartbeatInterval float64         `json:"heartbeat_interval,omitempty"`
	ID                string          `json:"id,omitempty"`
	LastID            string          `json:"last_id,omitempty"`
	Resumed           *bool           `json:"resumed,omitempty"`
	Author            string          `json:"author,omitempty"`
	Content           json.RawMessage `json:"content,omitempty"`
	Time              json.Number     `json:"time,omitempty"`
	Token             string          `json:"token,omitempty"`
}

// client is one session over many connections.
type client struct {
	mutex     sync.Mutex
	token     string
	renewAt   time.Time
	lastID    string // The position to resume from.
	failures  int
	refusals  int
	countedAt time.Time
}

func env(name, preset string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return preset
}

func show(line any) {
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

// logIn gets a token.
func (c *client) logIn() error {
	body, _ := json.Marshal(map[string]string{"user": env("GATEWAY_USER", "alice"), "password": "any"})
	login := http.Client{Timeout: 30 * time.Second}
	url := env("GATEWAY_LOGIN_URL", "http://127.0.0.1:8000/login")
	response, err := login.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		Token     string  `json:"token"`
		ExpiresIn float64 `json:"expires_in"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Token == "" {
		return fmt.Errorf("login: %s", response.Status)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.token = answer.Token
	// Before it expires: after four fifths of its life, or a minute early if that is later.
	life := math.Max(0.8*answer.ExpiresIn, answer.ExpiresIn-60)
	c.renewAt = time.Now().Add(time.Duration(life * float64(time.Second)))
	return nil
}

func (c *client) current() (string, time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.token, c.renewAt
}

// connection is one WebSocket.
type connection struct {
	*client
	socket  *websocket.Conn
	writing sync.Mutex // The library allows one writer at a time.
	readyAt time.Time
	acked   chan json.Number
	over    chan struct{}
}

func (c *connection) send(f map[string]any) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.socket.WriteJSON(f)
}

// run reads until the connection ends, and returns the close code.
func (c *connection) run(leave context.Context) int {
	if token, renewAt := c.current(); token == "" || time.Now().After(renewAt) {
		if err := c.logIn(); err != nil {
			return 1006
		}
	}
	socket, _, err := websocket.DefaultDialer.Dial(env("GATEWAY_URL", "ws://127.0.0.1:8000/gateway"), nil)
	if err != nil {
		return 1006
	}
	c.socket = socket
	defer socket.Close()
	defer close(c.over)
	go func() {
		select {
		case <-leave.Done():
			goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
			_ = socket.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(time.Second))
			_ = socket.SetReadDeadline(time.Now().Add(time.Second))
		case <-c.over:
		}
	}()
	var interval time.Duration
	for {
		_, text, err := socket.ReadMessage()
		if err != nil {
			var closed *websocket.CloseError
			if errors.As(err, &closed) {
				return closed.Code
			}
			return 1006
		}
		var f frame
		if json.Unmarshal(text, &f) != nil {
			continue
		}
		switch f.Op {
		case 0:
			interval = time.Duration(f.HeartbeatInterval) * time.Millisecond
			token, _ := c.current()
			identify := map[string]any{"op": 1, "token": token}
			if c.lastID != "" {
				identify["last_id"] = c.lastID
			}
			_ = c.send(identify)
		case 2:
			c.lastID = f.LastID
			if !c.readyAt.IsZero() {
				continue // It answers a renewal.
			}
			c.readyAt = time.Now()
			c.refusals = 0
			show(map[string]bool{"ready": true})
			if f.Resumed != nil && !*f.Resumed {
				show(map[string]bool{"gap": true})
			}
			go c.watch(interval)
			go c.renew()
		case 3:
			show(map[string]any{"message": f.ID, "author": f.Author, "content": f.Content})
			c.lastID = f.ID
		case 10:
			_ = c.send(map[string]any{"op": 11, "time": f.Time})
		case 11:
			select {
			case c.acked <- f.Time:
			default:
			}
		}
	}
}

// watch closes the connection if a heartbeat is not answered: the server or the network is dead.
func (c *connection) watch(interval time.Duration) {
	for {
		sent := json.Number(fmt.Sprint(time.Now().UnixMilli()))
		_ = c.send(map[string]any{"op": 10, "time": sent})
		due := time.After(interval)
		for acked := false; ; {
			select {
			case <-c.over:
				return
			case got := <-c.acked:
				acked = acked || got == sent
				continue
			case <-due:
				if !acked {
					_ = c.socket.Close()
					return
				}
			}
			break
		}
	}
}

// renew gets a new token in time, and identifies again.
func (c *connection) renew() {
	for {
		_, renewAt := c.current()
		select {
		case <-c.over:
			return
		case <-time.After(max(time.Until(renewAt), time.Second)):
			if c.logIn() == nil {
				token, _ := c.current()
				_ = c.send(map[string]any{"op": 1, "token": token})
			}
		}
	}
}

// isFinal counts a connection that has ended.
func (c *client) isFinal(code int, readyAt time.Time) bool {
	now := time.Now()
	if code == 4003 {
		c.mutex.Lock()
		c.token = ""
		c.mutex.Unlock()
		// Refusals within 15 s count as one, so that giving up takes a minute.
		if readyAt.IsZero() && now.Sub(c.countedAt) >= 15*time.Second {
			c.refusals++
			c.countedAt = now
		}
	}
	if !readyAt.IsZero() && (now.Sub(readyAt) >= 10*time.Second || code == 1012) {
		c.failures = 0
	}
	if code == 4008 {
		c.failures = 10
	}
	return slices.Contains(final, code) || c.refusals == 5
}

func main() {
	leave, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	c := &client{}
	for {
		one := &connection{client: c, acked: make(chan json.Number, 8), over: make(chan struct{})}
		code := one.run(leave)
		if leave.Err() != nil {
			return
		}
		if c.isFinal(code, one.readyAt) {
			show(map[string]string{"ended": fmt.Sprint(code)})
			return
		}
		// A random delay, so that not all clients come back at once.
		limit := min(500*math.Pow(2, float64(c.failures)), 20_000)
		c.failures = min(c.failures+1, 10)
		select {
		case <-leave.Done():
			return
		case <-time.After(time.Duration(rand.Float64()*limit) * time.Millisecond):
		}
	}
}
