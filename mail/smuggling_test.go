package mail_test

import (
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/mail"
)

// Shapes that some server somewhere has taken for the end of a mail. What
// follows them would then be commands, and so a second, forged mail.
var smugglingShapes = map[string]string{
	"LF.LF":          "a\n.\nb\r\n",
	"LF.CRLF":        "a\n.\r\nb\r\n",
	"CRLF.LF":        "a\r\n.\nb\r\n",
	"CR.CR":          "a\r.\rb\r\n",
	"CR.CRLF":        "a\r.\r\nb\r\n",
	"CRLF.CR":        "a\r\n.\rb\r\n",
	"CR.LF":          "a\r.\nb\r\n",
	"LF.CR":          "a\n.\rb\r\n",
	"CRLF.CRCRLF":    "a\r\n.\r\r\nb\r\n",
	"LF..LF":         "a\n..\nb\r\n",
	"bare CR":        "a\rb\r\n",
	"CR CRLF":        "a\r\r\nb\r\n",
	"LF.LF at start": ".\nb\r\n",
	"long line":      strings.Repeat("x", 32<<10-1) + "\rb\r\n",
	"long line, cut": strings.Repeat("x", 64<<10-1) + "\r.\r\nb\r\n",
}

func TestSmugglingIsRefused(t *testing.T) {
	const forged = "MAIL FROM:<ceo@docuflow.test>\r\nRCPT TO:<bills@docuflow.test>\r\nDATA\r\nforged\r\n"
	for name, shape := range smugglingShapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := &inbox{}
			conn := dial(t, start(t, mail.Config{}, to).address)
			conn.transaction()
			conn.send("DATA\r\n")
			conn.expect("354 ")
			conn.send("Subject: x\r\n\r\n" + shape + forged + ".\r\nNOOP\r\n")
			conn.expect("550 5.6.11", "250 2.0.0 Still here")
			if got := to.contents(); len(got) > 0 {
				t.Errorf("kept %q", got)
			}
		})
	}
}

// CR CR LF . CR LF holds CR LF . CR LF, so it is an end: what follows are
// commands again, and not part of the refused mail.
func TestEndAfterSpareCR(t *testing.T) {
	to := &inbox{}
	conn := dial(t, start(t, mail.Config{CommandTimeout: 5 * time.Second}, to).address)
	conn.transaction()
	conn.send("DATA\r\n")
	conn.expect("354 ")
	conn.send("a\r\r\n.\r\nNOOP\r\n")
	conn.expect("550 5.6.11", "250 2.0.0")
}

func TestLongLinesAreFine(t *testing.T) {
	to := &inbox{}
	conn := dial(t, start(t, mail.Config{}, to).address)
	conn.transaction()
	conn.send("DATA\r\n")
	conn.expect("354 ")
	var want strings.Builder
	for _, size := range []int{1000, 32<<10 - 2, 32<<10 - 1, 32 << 10, 32<<10 + 1, 100000} {
		want.WriteString(strings.Repeat("x", size) + "\r\n")
	}
	conn.send(want.String() + ".\r\n")
	conn.expect("250 2.6.0")
	if got := to.contents(); len(got) != 1 || got[0] != want.String() {
		t.Errorf("kept other lines than those that were sent")
	}
}
