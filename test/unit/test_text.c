/* test_text.c - text as data: units, counts, tf-idf (tables from scikit-learn 1.9: TfidfVectorizer, CountVectorizer, with
 * their defaults but for what stands in the call), byte pairs by hand, text out of numbers, and what is refused. */
#include <math.h>

#include "data_files.h"
#include "run/session.h"

static double got[4000];
static char said[4000];
static int64_t dim[3]; /* of the last result */
static int count;
static char message[1000], help[1000];

static void event(void *user, const cx_event *e) {
  (void)user;
  for (int k = 0; e->kind == EV_RESULT && k < e->nresult; k++) {
    const cx_result *r = &e->result[k];
    int64_t n = cx_array_count(&r->value);
    for (int d = 0; d < r->value.rank && d < 3; d++) dim[d] = r->value.dim[d];
    for (int64_t i = 0; i < n && count < 4000; i++) got[count++] = ((const double *)r->value.data)[i];
    for (int64_t i = 0; r->said && i < (r->value.rank == 2 ? r->value.dim[0] : 1); i++) {
      strcat(said, r->said[i]);
      strcat(said, "|");
    }
  }
}

/* runs the text with what it prints in got[]; the exit code */
static cx_status run(const char *text, const char *arg) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_session_opt opt = {.seed = 1, .threads = 1, .event = event, .dir = "."};
  count = 0;
  said[0] = message[0] = help[0] = 0;
  cx_status s = cx_session_run(c, cx_source_add(c, "t.calx", text, strlen(text)), &arg, arg != NULL, &opt);
  if (cx_diag_count(c)) {
    snprintf(message, sizeof message, "%s", cx_diag_get(c, 0).message);
    snprintf(help, sizeof help, "%s", cx_diag_get(c, 0).help ? cx_diag_get(c, 0).help : "");
  }
  if (s == CX_OK) s = cx_diag_status(c);
  cx_ctx_free(c);
  return s;
}

#define ASK(what) run("data t[n] : text\nprint " what "\n", "t.csv")
#define IS(...)                                                                                                  \
  do {                                                                                                           \
    static const double want[] = {__VA_ARGS__};                                                                  \
    CHECK(count == (int)(sizeof want / sizeof *want));                                                           \
    for (int k = 0; k < count && k < (int)(sizeof want / sizeof *want); k++) CHECK_NEAR(got[k], want[k], 1e-15); \
  } while (0)

static void counts(void) {
  put_text("t.csv", "t\n\"The cat, the CAT!\"\n\"A cat \xC3\x9C\x62\x65r x\"\n\"-\"\n");
  CHECK(ASK("bag(t)") == CX_OK); /* cat, the, über: letters alone are no words */
  IS(2, 2, 0, 1, 0, 1, 0, 0, 0);
  CHECK(ASK("bag(t, ngrams = 2)") == CX_OK); /* cat, cat the, cat über, the, the cat, über */
  IS(2, 1, 0, 2, 2, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0);
  CHECK(ASK("bag(t, words = 1)") == CX_OK);
  IS(2, 1, 0);
  CHECK(ASK("bag(t, least = 2)") == CX_OK);
  IS(2, 1, 0);
  CHECK(ASK("bag(t, unit = \"characters\", words = 3)") == CX_OK); /* blank 6, t 5, a 4 */
  IS(3, 2, 4, 3, 2, 1, 0, 0, 0);
  /* idf: cat log(4 / 3) + 1, the and über log(4 / 2) + 1; rows of length 1 */
  CHECK(ASK("tfidf(t)") == CX_OK);
  double a = log(4.0 / 3) + 1, b = log(2.0) + 1, r0 = hypot(a, b);
  double want[9] = {a / r0, b / r0, 0, a / r0, 0, b / r0, 0, 0, 0};
  CHECK(count == 9);
  for (int k = 0; k < 9; k++) CHECK_NEAR(got[k], want[k], 1e-15);
  CHECK(ASK("hashed(t, 64)") == CX_OK && count == 3 * 64);
  double sum = 0;
  for (int k = 0; k < 64; k++) sum += got[k];
  CHECK(sum == 4);
  CHECK(ASK("sum(bag(t) * bag(t))") == CX_OK && got[0] == 10);
}

/* scikit-learn on the same five texts: tfidf(min_df = 2, ngram_range = (1, 2)) and the sum of squares by text and the
 * first and last columns of tfidf(analyzer = 'char', ngram_range = (1, 3)) */
static void sklearn(void) {
  put_text(
      "t.csv",
      "t\n\"The cat sat on the mat, the CAT! \xC3\x9Cn\xC3\xAF\x63ode \xC3\x84\xC3\x96\xC3\x9C stra\xC3\x9F\x65 10x a_b\"\n"
      "\"A dog and a cat: both are  pets.\ttab \xE2\x80\x94 and \xE2\x80\x9Cquotes\xE2\x80\x9D na\xC3\xAFve\"\n"
      "\"Stocks fell; the market sat still. \xD0\x9F\xD0\xA0\xD0\x98\xD0\x92\xD0\x95\xD0\xA2 \xD0\xBC\xD0\xB8\xD1\x80 \xCE\x91\xCE\x92\xCE\x93 \xCE\xB4 ab\"\n"
      "\"The market rose, and stocks too\xE2\x80\xA6 l'\xC3\xA9t\xC3\xA9 \xE4\xB8\xAD\xE6\x96\x87 mot\"\n\"\"\n");
  CHECK(ASK("tfidf(t, least = 2, ngrams = 2)") == CX_OK && dim[0] == 5 && dim[1] == 7);
  IS(0, 0.59757563266789304, 0, 0.29878781633394652, 0, 0.74406263449521437, 0, 0.89442719099991586,
     0.44721359549995793, 0, 0, 0, 0, 0, 0, 0, 0.4618038719556864, 0.4618038719556864, 0.4618038719556864,
     0.38333893017399634, 0.4618038719556864, 0.4618038719556864, 0, 0.4618038719556864, 0, 0.4618038719556864,
     0.38333893017399634, 0.4618038719556864, 0, 0, 0, 0, 0, 0, 0);
  CHECK(ASK("size(bag(t, ngrams = 2), 1)") == CX_OK && got[0] == 67);
  CHECK(ASK("size(tfidf(t, unit = \"characters\", ngrams = 3), 1)") == CX_OK && got[0] == 354);
  CHECK(ASK("sum(tfidf(t, unit = \"characters\", ngrams = 3))") == CX_OK);
  CHECK_NEAR(got[0], 37.701769656410733, 1e-12);
}

static void sequences(void) {
  put_text("t.csv", "t\n\"ab, b\"\n\"B cab\"\n");
  CHECK(ASK("bytes(t)") == CX_OK && dim[0] == 2 && dim[1] == 5);
  IS(97, 98, 44, 32, 98, 66, 32, 99, 97, 98);
  CHECK(ASK("characters(t)") == CX_OK); /* blank , B a b c */
  IS(4, 5, 2, 1, 5, 3, 1, 6, 4, 5);
  CHECK(ASK("words(t)") == CX_OK); /* , ab b cab */
  IS(2, 1, 3, 3, 4, 0);
  CHECK(ASK("characters(t, length = 2)") == CX_OK);
  IS(4, 5, 3, 1);
  CHECK(ASK("characters(t, most = 2)") == CX_OK); /* b, then the blank before a: both thrice and twice */
  IS(0, 2, 0, 1, 2, 0, 1, 0, 0, 2);
  CHECK(run("data t[n] : text\nc = words(t)\nprint classes(c), text(c, c), text([2, 3], c)\n", "t.csv") == CX_OK);
  CHECK(got[0] == 5 && !strcmp(said, "ab , b|b cab|ab b|"));
  /* one text: its lines, and pieces of it */
  put_text("t.txt", "ab\r\nba\nab\n");
  CHECK(run("data t : text\nprint characters(t)\n", "t.txt") == CX_OK);
  IS(2, 3, 1, 3, 2, 1, 2, 3);
  CHECK(run("data t : text\nprint characters(t, length = 3)\n", "t.txt") == CX_OK && dim[0] == 2 && dim[1] == 3);
  IS(2, 3, 1, 3, 2, 1);
  CHECK(run("data t : text\nprint bag(t)\n", "t.txt") == CX_OK);
  IS(2, 1);
  /* a vocabulary of other texts */
  put_text("u.csv", "u\nzab\nab b\n");
  CHECK(run("data t : text, u[n] : text = \"u.csv\"\nprint bag(u, like = t), characters(u, like = t)\n", "t.txt") ==
        CX_OK);
  IS(0, 0, 1, 0, 0, 2, 3, 0, 2, 3, 0, 3);
}

/* pieces "aaab", " aaab", " ab": the pair aa occurs 4 times and becomes 256; then ab, 3 times, becomes 257 */
static void byte_pairs(void) {
  put_text("t.txt", "aaab aaab ab\n");
  CHECK(run("data t : text\nk = tokens(t, 258)\nprint k, classes(k), text(k, k)\n", "t.txt") == CX_OK);
  static const double want[] = {256, 257, 32, 256, 257, 32, 257, 258};
  CHECK(count == 8 + 7);
  for (int k = 0; k < 8; k++) CHECK(got[k] == want[k]);
  CHECK(!strcmp(said, "aaab aaab ab|"));
  CHECK(run("data t : text\nk = tokens(t, 100000)\nprint classes(k), text(k, k)\n", "t.txt") ==
        CX_OK); /* all is merged */
  CHECK(got[0] < 270 && !strcmp(said, "aaab aaab ab|"));
  put_text("u.csv", "u\n\"naaab \xC3\xBC\"\n");
  CHECK(run("data t : text, u[n] : text = \"u.csv\"\nk = tokens(u, 258, like = t)\nprint text(k, k), k\n", "t.txt") ==
        CX_OK);
  CHECK(!strcmp(said, "naaab \xC3\xBC|"));
}

/* texts of many lines, and folders whose files or folders are the classes */
static void folders(void) {
  put_text("t.txt", "\none\n two\n%\n\n%\nthree\r\n% \nfour\n");
  CHECK(run("data t[n] : text\nc = characters(t)\nprint n, text(c, c)\n", "t.txt") == CX_OK);
  CHECK(got[0] == 3 && !strcmp(said, "one\n two|three|four|"));
  CHECK(run("data t : text\nc = characters(t)\nprint text(c, c)\n", "t.txt") == CX_OK);
  CHECK(!strcmp(said, "\none\n two\n%\n\n%\nthree\n% \nfour|"));
  mkdir("f", 0755);
  put_text("f/de.txt", "Guten\nTag\n%\nJa\n");
  put_text("f/en", "good day\n\nyes\n");
  const char *ask =
      "data t[n] : text = \"f\", y[n] : category = \"f\"\nc = characters(t)\nprint y, classes(y), text(c, c)\n";
  CHECK(run(ask, NULL) == CX_OK);
  static const double label[] = {0, 0, 1, 1, 2};
  for (int k = 0; k < 5; k++) CHECK(got[k] == label[k]);
  CHECK(!strcmp(said, "Guten\nTag|Ja|good day|yes|"));
  CHECK(run("data t[n] : text, y[n] : category\nprint n, sum(i: y[i] == \"en\")\n", "f") == CX_OK && got[0] == 4);
  CHECK(run("data t[n] : text = \"f:text\", y[n] : category = \"f:label\"\nprint n\n", NULL) == CX_OK);
  CHECK(run("data t[n] : text = \"f\", w[n] = \"f\"\nprint n\n", NULL) == CX_E_DATA &&
        contains(message, "no column called w"));
  put("f/index.dat", "a\0b", 3); /* no text: left out, with a word */
  CHECK(run(ask, NULL) == CX_OK && contains(message, "f/index.dat:1: a zero byte") && contains(help, "left out") &&
        got[4] == 2);
  put_text("f/en", "good \xFF\n");
  CHECK(run(ask, NULL) == CX_E_DATA);
  mkdir("g", 0755), mkdir("g/a", 0755), mkdir("g/b", 0755), mkdir("g/c", 0755);
  put_text("g/a/1.txt", "one\ntext\n");
  put_text("g/a/2.txt", "x\n%\ny\n");
  put_text("g/b/1.txt", "z\n");
  CHECK(run("data t[n] : text = \"g\", y[n] : category = \"g\"\nc = bytes(t)\nprint n, text(y[3], y), text(c, c)\n",
            NULL) == CX_OK);
  CHECK(contains(message, "g/c has no text: there is no class `c`") && got[0] == 4 && got[1] == 1 &&
        !strcmp(said, "one\ntext|x|y|z|"));
  rmdir("g/c");
  put_text("g/readme", "about this\n");
  CHECK(run("data t[n] : text = \"g\"\nprint n\n", NULL) == CX_OK && got[0] == 4 &&
        strstr(message, "g/readme is left out"));
  mkdir("h", 0755);
  put_text("h/a.txt", "\n\n");
  CHECK(run("data t[n] : text = \"h\"\nprint n\n", NULL) == CX_E_DATA);
  /* a text said on the command line */
  CHECK(run("data t : text\nc = characters(t)\nprint text(c, c)\n", "t=\"ab c\"") == CX_OK && !strcmp(said, "ab c|"));
  CHECK(run("data t[n] : text\nc = characters(t)\nprint text(c, c), n\n", "t=\"ab c\"") == CX_OK && got[4] == 1);
  CHECK(run("data t : text\nc = characters(t)\nprint text(c, c)\n", "t=\"\"") == CX_E_DATA &&
        strstr(message, "its 1 text has no characters"));
}

static void refused(void) {
  put_text("t.csv", "t\n\"good\"\n\"b\xFF\x64\"\n");
  CHECK(ASK("words(t)") == CX_E_DATA && contains(message, "t.csv:3: column t: its byte 2 is no UTF-8") &&
        contains(help, "iconv"));
  CHECK(ASK("bytes(t)[1, 1]") == CX_OK && got[0] == 255);
  put_text("t.txt", "one\ntw\xFFo\n");
  CHECK(run("data t : text\nprint characters(t)\n", "t.txt") == CX_E_DATA &&
        contains(message, "t.txt:2: t: its byte 7 is no UTF-8"));
  put_text("t.csv", "t\n\"-\"\n\"!\"\n");
  CHECK(ASK("tfidf(t)") == CX_E_DATA && contains(message, "its 2 texts have no words"));
  put_text("t.csv", "t\nab\ncd\n");
  CHECK(ASK("tfidf(t, least = 2)") == CX_E_DATA && contains(message, "no words that 2 texts share") &&
        contains(help, "least"));
  put_text("t.csv", "t\nab\nab ab\n");
  CHECK(ASK("tfidf(t)") == CX_OK && contains(message, "all that occurs in `t` is \"ab\""));
  put_text("t.txt", "abc\n");
  CHECK(run("data t : text\nprint characters(t, length = 9)\n", "t.txt") == CX_E_DATA &&
        contains(message, "has 3 characters, less than"));
  CHECK(ASK("tfidf(t, size = 3)") == CX_E_PROGRAM && contains(message, "has no option `size`") &&
        contains(help, "words, least, ngrams, unit, like"));
  CHECK(ASK("tfidf(n)") == CX_E_PROGRAM && contains(message, "takes data declared as text"));
  CHECK(ASK("tokens(t)") == CX_E_PROGRAM && contains(message, "needs the number of its tokens"));
  CHECK(ASK("tokens(t, 100)") == CX_E_PROGRAM && contains(message, "must lie between 257"));
  CHECK(ASK("tfidf(t, unit = \"letters\")") == CX_E_PROGRAM && contains(message, "the unit is"));
  CHECK(ASK("1 + text(words(t), words(t))") == CX_E_PROGRAM && contains(message, "`text` is something to print"));
  CHECK(ASK("text([1], [2])") == CX_E_PROGRAM && contains(message, "no sequence of bytes"));
}

/* the vocabulary is kept with the model: new texts are counted by it */
static void kept(void) {
  put_text("t.csv", "t,y\nred apple,fruit\ngreen apple,fruit\nred car,thing\ngreen car now,thing\n");
  put_text("new.csv", "t\na car apple unknown\n");
  put_text("alone.csv", "t\ncar\n");
  CHECK(run("data t[n] : text, y[n] : category\nx = tfidf(t)\np = softmax(dense(x, classes(y)))\n"
            "minimize -mean(i: log(p[i, y[i]])) + 0.01 * l2(params)\nfit by lbfgs\nk = tokens(t, 258)\nc = words(t)\n"
            "mu = mean(i: x[i])\nprint p, mu\nwrite model to \"m.safetensors\"\n",
            "t.csv") == CX_OK);
  double mu[6];
  for (int k = 0; k < 5; k++) mu[k] = got[8 + k];
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  const char *arg = "new.csv";
  cx_session_opt opt = {.seed = 1, .threads = 1, .event = event, .nask = 1};
  opt.ask = (const char *const[]){"x"};
  count = 0;
  CHECK(cx_session_predict(c, "m.safetensors", &arg, 1, &opt) == CX_OK);
  IS(0.70710678118654752440, 0.70710678118654752440, 0, 0, 0); /* apple car green now red */
  opt.ask = (const char *const[]){"mu"};
  count = 0;
  CHECK(cx_session_predict(c, "m.safetensors", &arg, 1, &opt) == CX_OK && count == 5);
  for (int k = 0; k < 5; k++) CHECK(got[k] == mu[k]);
  opt.ask = (const char *const[]){"text(c, c), text(k, k)"};
  count = 0, said[0] = 0;
  CHECK(cx_session_predict(c, "m.safetensors", &arg, 1, &opt) == CX_OK &&
        !strcmp(said, "car apple|a car apple unknown|"));
  opt.ask = (const char *const[]){"p"};
  cx_diag_clear(c);
  CHECK(cx_session_predict(c, "m.safetensors", NULL, 0, &opt) == CX_E_DATA &&
        contains(cx_diag_get(c, 0).message, "reads `t`"));
  cx_ctx_free(c);
}

int main(void) {
  files_begin();
  counts();
  sklearn();
  sequences();
  byte_pairs();
  folders();
  refused();
  kept();
  files_end();
  return CHECK_DONE();
}
