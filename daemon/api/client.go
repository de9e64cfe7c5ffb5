package api

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Client speaks to one daemon. It is safe for concurrent use. Every method
// fails with an *Error; Unavailable means that no daemon answers.
type Client struct {
	http *http.Client

	// Operator is who asks, for the record of what is handed out; may be "".
	Operator string
}

// New makes a client for the daemon of a home. Nothing is dialled yet.
func New(home string) (*Client, error) {
	path, err := SocketPath(home)
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableCompression: true}}}, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Wait returns as soon as the daemon answers, or when ctx ends.
func (c *Client) Wait(ctx context.Context) (*Status, error) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		s, err := c.Status(ctx)
		var e *Error
		if err == nil || errors.As(err, &e) && e.Kind != Unavailable {
			return s, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-again.C:
		}
	}
}

// Status asks what the daemon is and sees.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	return get[Status](ctx, c, "/status")
}

// Card is the organisation's armoured card.
func (c *Client) Card(ctx context.Context) ([]byte, error) {
	body, err := c.stream(ctx, "/card")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return readAll(body)
}

// ChoosePeer is AddPeer where two histories of the organisation's keys were seen: the
// card's is to be followed.
func (c *Client) ChoosePeer(ctx context.Context, card []byte) (*PeerRow, error) {
	return post[PeerRow](ctx, c, "/peers?choose=1", "text/plain", bytes.NewReader(card))
}

// AddPeer pins the organisation of an armoured card. Fork: two histories of its keys
// were seen, and a person has to choose.
func (c *Client) AddPeer(ctx context.Context, card []byte) (*PeerRow, error) {
	return post[PeerRow](ctx, c, "/peers", "text/plain", bytes.NewReader(card))
}

// Peers lists the organisations that we know.
func (c *Client) Peers(ctx context.Context) (*Peers, error) { return get[Peers](ctx, c, "/peers") }

// Inbox lists what waits for a person.
func (c *Client) Inbox(ctx context.Context) (*Inbox, error) { return get[Inbox](ctx, c, "/inbox") }

// Accept signs the agreement of an invitation. It returns once that is stored;
// delivery goes on by itself.
func (c *Client) Accept(ctx context.Context, item string) (*Written, error) {
	return send(ctx, c, "/inbox/"+url.PathEscape(item)+"/accept", Accept{})
}

// Decline refuses an invitation and tells the inviter.
func (c *Client) Decline(ctx context.Context, item string) (*Written, error) {
	return send(ctx, c, "/inbox/"+url.PathEscape(item)+"/decline", Act{})
}

// OpenCase opens a case; report is read to its end and never kept whole in memory.
func (c *Client) OpenCase(ctx context.Context, r OpenCase, report io.Reader) (*Written, error) {
	return c.upload(ctx, "/cases", r, report)
}

// Cases lists the cases.
func (c *Client) Cases(ctx context.Context) (*Cases, error) { return get[Cases](ctx, c, "/cases") }

// Case shows one case.
func (c *Client) Case(ctx context.Context, name string) (*Case, error) {
	return get[Case](ctx, c, caseAt(name, ""))
}

// Log yields the entries of a case until yield returns false. With after 0 it
// gives all, in display order; with after P those that arrived here after
// position P, in order of arrival. With follow it then goes on as entries
// arrive, until ctx ends; a broken watch resumes with the highest Pos seen. A
// line whose body came late comes a second time, with the same ID and Pos. A watch also
// tells when the instant of a release has passed by the daemon's clock: a line of type
// release-due, whose ID is zero, since it is no entry.
func (c *Client) Log(ctx context.Context, name string, follow bool, after uint64, yield func(LogLine) bool) error {
	q := url.Values{}
	if follow {
		q.Set("follow", "1")
	}
	if after > 0 {
		q.Set("after", fmt.Sprint(after))
	}
	body, err := c.stream(ctx, caseAt(name, "/log?"+q.Encode()))
	if err != nil {
		return err
	}
	defer body.Close()
	lines := json.NewDecoder(body)
	for {
		var l LogLine
		if err := lines.Decode(&l); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return broken(ctx, err)
		}
		if !yield(l) {
			return nil
		}
	}
}

// Handed are the bytes of a body, and the stamp that goes with them. The caller closes it.
type Handed struct {
	io.ReadCloser
	Export Export
}

// Report is the report of a case, byte for byte.
func (c *Client) Report(ctx context.Context, name string) (*Handed, error) {
	return c.handed(ctx, caseAt(name, "/report"))
}

// Exports lists what was handed out of a case at the daemon's machine.
func (c *Client) Exports(ctx context.Context, name string) (*Exports, error) {
	return get[Exports](ctx, c, caseAt(name, "/exports"))
}

// Invite invites a pinned organisation.
func (c *Client) Invite(ctx context.Context, name string, r Invite) (*Written, error) {
	return send(ctx, c, caseAt(name, "/invite"), r)
}

// Say writes a note.
func (c *Client) Say(ctx context.Context, name string, r Say) (*Written, error) {
	return send(ctx, c, caseAt(name, "/notes"), r)
}

// Attach adds a file to a case; it is read to its end and never kept whole in memory.
func (c *Client) Attach(ctx context.Context, name string, r Attach, file io.Reader) (*Written, error) {
	return c.upload(ctx, caseAt(name, "/attachments"), r, file)
}

// Attachment is an attached file, byte for byte.
func (c *Client) Attachment(ctx context.Context, name, entry string) (*Handed, error) {
	return c.handed(ctx, caseAt(name, "/attachments/"+url.PathEscape(entry)))
}

// RM writes our report state: valid, invalid, accept, defer or close.
func (c *Client) RM(ctx context.Context, name, what string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/rm"), Act{What: what})
}

// Fix writes our fix state: ready or deployed.
func (c *Client) Fix(ctx context.Context, name, what string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/fix"), Act{What: what})
}

// Claim claims that the matter is public, that an exploit is out, or attacks.
func (c *Client) Claim(ctx context.Context, name, what, evidence string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/claims"), Act{What: what, Text: evidence})
}

// Confirm confirms a claim of another organisation.
func (c *Client) Confirm(ctx context.Context, name, claim string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/claims/"+url.PathEscape(claim)+"/confirm"), Act{})
}

// Refute says as a steward that a claim is wrong.
func (c *Client) Refute(ctx context.Context, name, claim, reason string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/claims/"+url.PathEscape(claim)+"/refute"), Act{Text: reason})
}

// Terms are the embargo's in full: what is in force, and what is proposed.
func (c *Client) Terms(ctx context.Context, name string) (*Terms, error) {
	return get[Terms](ctx, c, caseAt(name, "/embargo"))
}

// ProposeTerms proposes other terms.
func (c *Client) ProposeTerms(ctx context.Context, name string, r ProposeTerms) (*Written, error) {
	return send(ctx, c, caseAt(name, "/embargo"), r)
}

// AcceptTerms consents to an agreement; "current" is the one in force.
func (c *Client) AcceptTerms(ctx context.Context, name, agreement string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/embargo/"+url.PathEscape(agreement)+"/accept"), Act{})
}

// RejectTerms declines an agreement, or withdraws our consent to it.
func (c *Client) RejectTerms(ctx context.Context, name, agreement, reason string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/embargo/"+url.PathEscape(agreement)+"/reject"), Act{Text: reason})
}

// EndEmbargo ends the embargo for everybody, at once.
func (c *Client) EndEmbargo(ctx context.Context, name, reason string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/embargo/end"), Act{Text: reason})
}

// Leave leaves the embargo and the case.
func (c *Client) Leave(ctx context.Context, name, reason string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/embargo/leave"), Act{Text: reason})
}

// Remove stops a participant.
func (c *Client) Remove(ctx context.Context, name, org, reason string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/remove"), Act{Org: org, Text: reason})
}

// Entry is the stored bytes of one entry.
func (c *Client) Entry(ctx context.Context, name, entry string) ([]byte, error) {
	body, err := c.stream(ctx, caseAt(name, "/entries/"+url.PathEscape(entry)))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return readAll(body)
}

// Verify rewalks every hash and signature of one case, or with name "" of all.
func (c *Client) Verify(ctx context.Context, name string) (*Verified, error) {
	path := "/verify"
	if name != "" {
		path += "?" + url.Values{"case": {name}}.Encode()
	}
	return get[Verified](ctx, c, path)
}

func caseAt(name, rest string) string { return "/cases/" + url.PathEscape(name) + rest }

func get[T any](ctx context.Context, c *Client, path string) (*T, error) {
	body, err := c.stream(ctx, path)
	if err != nil {
		return nil, err
	}
	return decode[T](ctx, body)
}

func send(ctx context.Context, c *Client, path string, request any) (*Written, error) {
	return ask[Written](ctx, c, path, request)
}

// ask sends a request as JSON.
func ask[T any](ctx context.Context, c *Client, path string, request any) (*T, error) {
	b, err := json.Marshal(request)
	if err != nil {
		return nil, &Error{Kind: Internal, Text: err.Error()}
	}
	return post[T](ctx, c, path, "application/json", bytes.NewReader(b))
}

func post[T any](ctx context.Context, c *Client, path, media string, in io.Reader) (*T, error) {
	body, err := c.do(ctx, http.MethodPost, path, media, in)
	if err != nil {
		return nil, err
	}
	return decode[T](ctx, body)
}

// upload sends a request and a file as two parts, in this order.
func (c *Client) upload(ctx context.Context, path string, request any, file io.Reader) (*Written, error) {
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	done, unread := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(done)
		w.CloseWithError(writeParts(form, request, noting{file, unread}))
	}()
	out, err := post[Written](ctx, c, path, form.FormDataContentType(), r)
	r.Close() // ends the writer if the daemon answered early
	if err == nil {
		<-done // after a refusal the writer may wait for a terminal: it ends by itself
	}
	select {
	case e := <-unread:
		return nil, &Error{Kind: Internal, Text: e.Error()}
	default:
		return out, err
	}
}

// noting reads, and notes the error that ended it: a file that cannot be read
// is no fault of the connection.
type noting struct {
	io.Reader
	failed chan<- error // has room for one
}

func (n noting) Read(p []byte) (int, error) {
	k, err := n.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		select {
		case n.failed <- err:
		default: // the first says it
		}
	}
	return k, err
}

func writeParts(form *multipart.Writer, request any, file io.Reader) error {
	w, err := form.CreateFormField("request")
	if err != nil {
		return err
	}
	if err := json.NewEncoder(w).Encode(request); err != nil {
		return err
	}
	if w, err = form.CreateFormFile("file", "file"); err != nil {
		return err
	}
	if _, err := io.Copy(w, file); err != nil {
		return err
	}
	return form.Close()
}

// stream gets path and leaves reading to the caller.
func (c *Client) stream(ctx context.Context, path string) (io.ReadCloser, error) {
	return c.do(ctx, http.MethodGet, path, "", nil)
}

// handed asks for the bytes of a body.
func (c *Client) handed(ctx context.Context, path string) (*Handed, error) {
	resp, err := c.ask(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return nil, err
	}
	h := &Handed{ReadCloser: resp.Body}
	stamp, err := hex.DecodeString(resp.Header.Get(ExportHeader))
	if err == nil {
		err = json.Unmarshal(stamp, &h.Export)
	}
	if err != nil {
		resp.Body.Close()
		return nil, &Error{Kind: Internal, Text: "the daemon gave no stamp with the bytes"}
	}
	return h, nil
}

func (c *Client) do(ctx context.Context, method, path, media string, in io.Reader) (io.ReadCloser, error) {
	resp, err := c.ask(ctx, method, path, media, in)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// ask sends a request; an answer that is no success becomes an error.
func (c *Client) ask(ctx context.Context, method, path, media string, in io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+Host+"/v1"+path, in)
	if err != nil {
		return nil, &Error{Kind: Invalid, Text: err.Error()}
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	if c.Operator != "" {
		req.Header.Set(OperatorHeader, c.Operator)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, broken(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	e := &Error{}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(e); err != nil || e.Kind == "" {
		return nil, &Error{Kind: Internal, Text: "the daemon answered " + resp.Status}
	}
	return nil, e
}

// broken turns a failure of the connection into an error of the API.
func broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &Error{Kind: Unavailable, Text: "the daemon did not answer in time"}
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		if errors.Is(err, fs.ErrPermission) {
			return &Error{Kind: Unavailable, Text: "this home belongs to another user", Try: "act as the user that runs the daemon, or give your own --home"}
		}
		return &Error{Kind: Unavailable, Text: "no daemon answers at this home", Try: "start one: cordon daemon"}
	}
	return &Error{Kind: Unavailable, Text: fmt.Sprintf("the connection to the daemon broke: %v", err)}
}

// maxAnswer bounds an answer that is held whole.
const maxAnswer = 64 << 20

func readAll(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(r, maxAnswer)); err != nil {
		return nil, &Error{Kind: Unavailable, Text: "the connection to the daemon broke: " + err.Error()}
	}
	return b.Bytes(), nil
}

func decode[T any](ctx context.Context, body io.ReadCloser) (*T, error) {
	defer body.Close()
	v := new(T)
	if err := json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(v); err != nil {
		return nil, broken(ctx, err)
	}
	return v, nil
}
