package domain

// CheckResult is how a check of a mail's sender ended, in the words of RFC 8601.
type CheckResult string

// The results of SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489).
const (
	CheckNone      CheckResult = "none" // there was nothing to check
	CheckPass      CheckResult = "pass"
	CheckFail      CheckResult = "fail"
	CheckSoftFail  CheckResult = "softfail"
	CheckNeutral   CheckResult = "neutral"
	CheckTempError CheckResult = "temperror" // the DNS did not answer
	CheckPermError CheckResult = "permerror" // the domain's records or the mail are malformed
)

// Check is one check of a mail's sender.
type Check struct {
	Result CheckResult `json:"result"`
	Domain string      `json:"domain,omitempty"` // that it is about
	Detail string      `json:"detail,omitempty"` // for people
}

// Verdict is what we found out about a mail's sender. It is computed here from
// the connection, the raw mail and the DNS: what a mail says of such checks is never believed.
type Verdict struct {
	SPF   Check `json:"spf"`
	DKIM  Check `json:"dkim"`
	DMARC Check `json:"dmarc"`
	// Asks is what the author's domain wants done with mail that fails DMARC:
	// none, quarantine or reject. Empty: it publishes no policy.
	Asks string `json:"asks,omitempty"`
	// Aligned says that SPF or DKIM passed for the author's own domain.
	Aligned bool `json:"aligned,omitempty"`
	// Forwarded says that somebody passed the mail on, by its own traces.
	Forwarded bool `json:"forwarded,omitempty"`
}

// Authenticated says that the mail comes from the domain that its author
// claims. The local part before the @ is that domain's word.
func (v Verdict) Authenticated() bool {
	return v.DMARC.Result == CheckPass || v.DMARC.Result != CheckFail && v.Aligned
}
