package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

const compression = 5

func (s *Server) router() http.Handler {
	r := chi.NewRouter()
	r.Use(s.recoverer, s.securityHeaders, s.sameOrigin)
	r.NotFound(s.handle(s.notFound))
	r.MethodNotAllowed(s.handle(s.wrongMethod))

	r.With(middleware.Compress(compression, "text/css", "text/javascript", "image/svg+xml", "text/plain")).
		Get("/static/*", s.handle(s.static.serve))
	s.signInRoutes(r)
	r.Post(inboundPath, s.handle(s.apiInbound))

	r.Group(func(r chi.Router) {
		r.Use(s.signedIn)
		r.Get("/", s.handle(s.inbox))
		r.Get("/events", s.handle(s.inboxEvents))
		r.Post("/upload", s.handle(s.upload))
		r.Post("/sample", s.handle(s.sample))
		s.settingsRoutes(r)
		r.Post("/sign-out", s.handle(s.signOut))
		r.Route("/mails", func(r chi.Router) {
			r.Get("/", s.handle(s.mailLog))
			r.Get("/events", s.handle(s.mailEvents))
			r.Get("/{id}", s.handle(s.oneMail))
			r.Get("/{id}/raw", s.handle(s.rawMail))
			r.Get("/{id}/headers", s.handle(s.mailHeaders))
			r.Post("/{id}/{deed}", s.handle(s.doToMail))
		})
		r.Get("/review", s.handle(s.review))
		r.Route("/connections", s.connectionRoutes)
		s.peopleRoutes(r)
		r.Route("/operations", func(r chi.Router) {
			r.Get("/", s.handle(s.operations))
			r.Post("/pause", s.handle(s.operate("stage", s.pauseStage)))
			r.Post("/resume", s.handle(s.operate("stage", s.resumeStage)))
			r.Post("/drain", s.handle(s.operate("node", s.drainNode)))
			r.Post("/undrain", s.handle(s.operate("node", s.undrainNode)))
		})
		r.Route("/failures", func(r chi.Router) {
			r.Get("/", s.handle(s.failures))
			r.Get("/events", s.handle(s.failuresEvents))
			r.Post("/replays", s.handle(s.startReplay))
			r.Post("/replays/{id}/stop", s.handle(s.stopReplay))
			r.Post("/discard", s.handle(s.discardFailures))
			r.Post("/restore", s.handle(s.restoreFailures))
			r.Post("/resume", s.handle(s.resume))
		})
		r.Route("/documents/{id}", func(r chi.Router) {
			r.Get("/", s.handle(s.document))
			r.Get("/events", s.handle(s.documentEvents))
			r.Get("/file/{variant}", s.handle(s.file))
			r.Post("/fields", s.handle(s.editField))
			r.Post("/approve", s.handle(s.approve))
			r.Post("/take-back", s.handle(s.takeBack))
			r.Post("/retry", s.handle(s.retry))
			r.Post("/cancel", s.handle(s.cancel))
			r.Post("/discard", s.handle(s.discard))
			r.Post("/forget", s.handle(s.forget))
		})
	})
	r.Route(apiPrefix, s.apiRoutes)
	return r
}

func (s *Server) settingsRoutes(r chi.Router) {
	r.Get("/settings", s.handle(s.settingsPage))
	r.Post("/settings", s.handle(s.settings))
	r.Post("/settings/addresses", s.handle(s.addAddress))
	r.Post("/settings/addresses/label", s.handle(s.labelAddress))
	r.Post("/settings/addresses/rotate", s.handle(s.rotateAddress))
	r.Post("/settings/addresses/remove", s.handle(s.removeAddress))
	r.Post("/settings/policy", s.handle(s.setPolicy))
	r.Post("/settings/answers", s.handle(s.setAnswers))
	r.Post("/settings/senders", s.handle(s.addRule))
	r.Post("/settings/senders/remove", s.handle(s.removeRule))
}

func (s *Server) connectionRoutes(r chi.Router) {
	r.Get("/", s.handle(s.connections))
	r.Post("/", s.handle(s.addConnection))
	r.Get("/new/{kind}", s.handle(s.newConnection))
	r.Get("/export", s.handle(s.exportSettings))
	r.Get("/granted", s.handle(s.granted))
	r.Get("/{id}/sign-in", s.handle(s.consent))
	r.Post("/{id}", s.handle(s.changeConnection))
	r.Post("/{id}/switch", s.handle(s.switchConnection))
	r.Post("/{id}/test", s.handle(s.testConnection))
	r.Post("/{id}/remove", s.handle(s.removeConnection))
}

// signInRoutes are the ways in. What takes a secret or mails one is limited;
// the way to the provider and back is tied to the browser that began it.
func (s *Server) signInRoutes(r chi.Router) {
	r.Get("/sign-in", s.handle(s.signInPage))
	r.Get("/sign-in/provider", s.handle(s.toProvider))
	r.Get("/sign-in/callback", s.handle(s.fromProvider))
	r.Group(func(r chi.Router) {
		r.Use(s.limitStrangers)
		r.Post("/sign-in", s.handle(s.askForLink))
		r.Get("/sign-in/{token}", s.handle(s.linkPage))
		r.Post("/sign-in/{token}", s.handle(s.useLink))
		r.Get("/join/{token}", s.handle(s.invitationPage))
		r.Post("/join/{token}", s.handle(s.acceptInvitation))
	})
}

// peopleRoutes are about who is signed in, and who belongs to the workspace.
func (s *Server) peopleRoutes(r chi.Router) {
	r.Route("/account", func(r chi.Router) {
		r.Get("/", s.handle(s.account))
		r.Post("/enter", s.handle(s.enterWorkspace))
		r.Post("/sessions/{id}/end", s.handle(s.endSession))
		r.Post("/sessions/end-others", s.handle(s.endOtherSessions))
	})
	r.Route("/members", func(r chi.Router) {
		r.Get("/", s.handle(s.members))
		r.Post("/invite", s.handle(s.invite))
		r.Post("/invitations/{id}/withdraw", s.handle(s.withdraw))
		r.Post("/{id}/role", s.handle(s.changeRole))
		r.Post("/{id}/remove", s.handle(s.removeMember))
	})
}

const apiPrefix = "/api/v1"

func (s *Server) apiRoutes(r chi.Router) {
	r.NotFound(s.handle(s.notFound))
	r.MethodNotAllowed(s.handle(s.wrongMethod))
	r.Use(s.bearer)
	r.Get("/documents", s.handle(s.apiList))
	r.Post("/documents", s.handle(s.apiUpload))
	r.Get("/documents/{id}", s.handle(s.apiGet))
	r.Patch("/documents/{id}", s.handle(s.apiPatch))
	r.Delete("/documents/{id}", s.handle(s.apiDiscard))
	r.Post("/documents/{id}/retry", s.handle(s.apiRetry))
	r.Post("/documents/{id}/cancel", s.handle(s.apiCancel))
	r.Get("/documents/{id}/file", s.handle(s.apiFile))
	r.Delete("/documents/{id}/memory", s.handle(s.apiForget))
	r.Get("/documents/{id}/timeline", s.handle(s.apiTimeline))
	r.Get("/mails", s.handle(s.apiMails))
	r.Get("/mails/{id}", s.handle(s.apiGetMail))
	r.Get("/mails/{id}/raw", s.handle(s.rawMail))
	r.Post("/mails/{id}/{deed}", s.handle(s.apiMailDeed))
	r.Post("/replays", s.handle(s.apiStartReplay))
	r.Get("/replays/{id}", s.handle(s.apiReplay))
	r.Delete("/replays/{id}", s.handle(s.apiStopReplay))
	r.Post("/pauses/{stage}/resume", s.handle(s.apiResume))
	r.Get("/connections", s.handle(s.apiConnections))
	r.Post("/connections", s.handle(s.apiAddConnection))
	r.Patch("/connections/{id}", s.handle(s.apiChangeConnection))
	r.Delete("/connections/{id}", s.handle(s.apiRemoveConnection))
	r.Post("/connections/{id}/test", s.handle(s.apiTestConnection))
	r.Get("/settings", s.handle(s.exportSettings))
	r.Get("/events", s.handle(s.apiEvents))
}

func (s *Server) notFound(http.ResponseWriter, *http.Request) error {
	return &problem{Status: http.StatusNotFound, Title: "There is no such page", Detail: "The address may be mistyped, or the page was moved. Nothing was changed."}
}

func (s *Server) wrongMethod(_ http.ResponseWriter, r *http.Request) error {
	return &problem{Status: http.StatusMethodNotAllowed, Title: "This address does not take " + r.Method, Detail: "Nothing was changed."}
}
