//! What a client hears from a server, to the end of a conversation.

use crate::{
    Ending, FakeServer, Input, Pieces, bounded, check_early_error, check_error, check_transcript, password,
    run, token,
};
use postroom_mail::{Credential, Error, Transcript};
use std::fmt;

/// What came of a conversation.
#[derive(Debug)]
pub struct Heard {
    /// What we sign in with.
    pub credential: Credential,
    /// What came of each step, in words.
    pub story: String,
    /// The messages' texts.
    pub texts: Vec<Vec<u8>>,
}

impl Heard {
    /// Converses with a server that says this, in at most so many bytes of memory; what comes of it, however
    /// it is cut into pieces. Options of the input: 0, the server hangs at its end; 1, a transcript is kept;
    /// 2, we sign in with a token.
    pub fn from(
        data: &[u8],
        said: &[u8],
        most: usize,
        poll: impl AsyncFn(Input<'_>, &mut FakeServer, Option<&Transcript>, &mut Heard) -> Result<(), Error>,
    ) -> Self {
        let input = Input::new(data);
        let whole = bounded(most, || Self::of_pieces(input, said, Pieces::Whole, &poll));
        let cut = bounded(most, || Self::of_pieces(input, said, Pieces::of(data), &poll));
        assert_eq!((&whole.story, &whole.texts), (&cut.story, &cut.texts), "pieces make a difference");
        whole
    }

    fn of_pieces(
        input: Input<'_>,
        said: &[u8],
        pieces: Pieces,
        poll: &impl AsyncFn(Input<'_>, &mut FakeServer, Option<&Transcript>, &mut Heard) -> Result<(), Error>,
    ) -> Self {
        let ending = if input.option(0) { Ending::Hangs } else { Ending::Closes };
        let mut server = FakeServer::new(said.to_vec(), pieces, ending);
        let credential = if input.option(2) { token() } else { password() };
        let mut heard = Self { credential, story: String::new(), texts: Vec::new() };
        run(async {
            let transcript = input.option(1).then(Transcript::new);
            if let Err(error) = poll(input, &mut server, transcript.as_ref(), &mut heard).await {
                heard.tell(&error);
            }
            if let Some(transcript) = transcript {
                check_transcript(&transcript, &heard.credential);
            }
        });
        heard
    }

    /// The connection, if there is one. What stands in the way of it ends the story.
    pub fn greeted<C>(&mut self, connection: Result<C, Error>) -> Option<C> {
        connection.map_err(|error| self.story = check_early_error(&error)).ok()
    }

    /// What came of a step is part of the story, but for a failure that ends the session.
    pub fn note(&mut self, result: Result<impl fmt::Debug, Error>) -> Result<(), Error> {
        match result {
            Ok(came) => {
                self.story.push_str(&format!("{came:?} "));
                Ok(())
            }
            Err(error) => self.pass_over(error),
        }
    }

    /// Passes over a failure, but for one that ends the session.
    pub fn pass_over(&mut self, error: Error) -> Result<(), Error> {
        if !error.leaves_session_usable() {
            return Err(error);
        }
        self.tell(&error);
        Ok(())
    }

    fn tell(&mut self, error: &Error) {
        self.story.push_str(&check_error(error, &self.credential));
    }
}
