/* test_data_csv.c - tables as text: every dialect, every fault. */
#include "data_files.h"

static const char *word(const cx_column *c, int64_t i) { return c->array.level[(int)at1(&c->array, i)]; }
static int64_t rows(const cx_file *f) { return f->col[0].array.dim[0]; }
static int64_t line_of(const cx_array *x, int64_t row) { return x->line ? x->line[row] : x->first_line + row; }

static void dialects(void) {
  static const char *const same[] = {
      "a,b,c\n1,2.5,x\n-3,4e2,y\n5,6,x\n",
      ("\xef\xbb\xbf"
       "a,b,c\r\n1,2.5,x\r\n-3,4e2,y\r\n5,6,x"),
      "a;b;c\n1;2.5;x\n-3;4e2;y\n5;6;x\n",
      "a;b;c\n1;2,5;x\n-3;4e2;y\n5;6;x\n", /* decimal comma */
      "a\tb\tc\n1\t2.5\tx\n-3\t4e2\ty\n5\t6\tx\n",
      "a|b|c\n1|2.5|x\n-3|4e2|y\n5|6|x\n",
      "a b  c\n1   2.5 x\n -3\t4e2 y\n5 6 x  \n",
      "\"a\",\"b\",\"c\"\n\"1\",\"2.5\",\"x\"\n\"-3\",\" 4e2\",\"y\"\n5,6,\"x\"\n",
      "a, b, c\n1, 2.5 , x\n-3 ,4e2,y\n\n   \n5,6,x\n\n",
      "a,b,c\r1,2.5,x\r-3,4e2,y\r5,6,x\r",
  };
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    put_text("t.csv", same[i]);
    cx_file *f = read_try("t.csv");
    CHECK(f && f->is_table && f->ncol == 3 && rows(f) == 3);
    if (!f || f->ncol != 3 || rows(f) != 3) {
      fprintf(stderr, "dialect %zu\n", i);
      continue;
    }
    CHECK_STR(f->col[0].name, "a");
    CHECK_STR(f->col[1].name, "b");
    CHECK_STR(f->col[2].name, "c");
    CHECK(at1(&f->col[0].array, 0) == 1 && at1(&f->col[0].array, 1) == -3 && at1(&f->col[0].array, 2) == 5);
    CHECK(at1(&f->col[1].array, 0) == 2.5 && at1(&f->col[1].array, 1) == 400 && at1(&f->col[1].array, 2) == 6);
    CHECK(f->col[2].array.nlevel == 2);
    CHECK_STR(word(&f->col[2], 0), "x");
    CHECK_STR(word(&f->col[2], 1), "y");
    CHECK_STR(word(&f->col[2], 2), "x");
  }
  CHECK(line_of(&read_try("t.csv")->col[0].array, 2) == 4);
}

static void headers(void) {
  put_text("t.csv", "1,2\n3,4\n");
  cx_file *f = read_try("t.csv");
  CHECK(f && !f->col[0].name && rows(f) == 2);
  put_text("t.csv", "hello,spam\nbye,ham\nagain,spam\n");
  f = read_try("t.csv");
  CHECK(f && !f->col[0].name && rows(f) == 3);
  put_text("t.csv", "message,label\nbye,ham\nagain,spam\n");
  f = read_try("t.csv");
  CHECK(f && f->col[0].name && rows(f) == 2);
  put_text("t.csv", "x\n1\n2\n");
  f = read_try("t.csv");
  CHECK(f && f->ncol == 1 && rows(f) == 2 && at1(&f->col[0].array, 1) == 2);
  put_text("t.csv",
           "150,4,setosa\n5.1,3.5,0\n4.9,3,1\n"); /* a word over numbers is a header, whatever stands beside it */
  f = read_try("t.csv");
  CHECK(f && rows(f) == 2 && !strcmp(f->col[2].name, "setosa"));
  put_text("t.csv", ",x\n0,1.5\n1,2.5\n"); /* pandas' index */
  f = read_try("t.csv");
  CHECK(f && rows(f) == 2 && !strcmp(f->col[1].name, "x"));
}

static void quotes(void) {
  put_text("t.csv", "text,n\n\"a, \"\"quoted\"\" word\",1\n\"two\nlines\",2\n\"\",3\nplain 5\" pipe,4\n");
  cx_file *f = read_try("t.csv");
  CHECK(f && f->ncol == 2 && rows(f) == 4);
  if (f && rows(f) == 4) {
    CHECK_STR(word(&f->col[0], 0), "a, \"quoted\" word");
    CHECK_STR(word(&f->col[0], 1), "two\nlines");
    CHECK_STR(word(&f->col[0], 2), "");
    CHECK_STR(word(&f->col[0], 3), "plain 5\" pipe");
    CHECK(at1(&f->col[1].array, 3) == 4);
    CHECK(line_of(&f->col[1].array, 1) == 3 && line_of(&f->col[1].array, 2) == 5 && line_of(&f->col[1].array, 3) == 6);
  }
  put_text("t.tsv", "label\ttext\nham\t\"open only\nspam\t\"closed\"\nham\tin \"the\" middle\n");
  f = read_try("t.tsv");
  CHECK(f && rows(f) == 3);
  if (f && rows(f) == 3) {
    CHECK_STR(word(&f->col[1], 0), "\"open only");
    CHECK_STR(word(&f->col[1], 1), "closed");
    CHECK_STR(word(&f->col[1], 2), "in \"the\" middle");
  }
  put_text("t.csv", "\"hello, world\"\n\"a, b\"\n\"hello, world\"\n");
  f = read_try("t.csv");
  CHECK(f && f->ncol == 1 && rows(f) == 3 && !strcmp(word(&f->col[0], 1), "a, b"));
}

static void missing(void) {
  put_text("t.csv", "a,b\n1,\n,2\nNA,nan\nNULL,?\nn/a,3\n");
  cx_file *f = read_try("t.csv");
  CHECK(f && f->ncol == 2 && rows(f) == 5 && !f->col[0].array.level && !f->col[1].array.level);
  for (int64_t i = 0; f && i < 5; i++) {
    CHECK(isnan(at1(&f->col[0].array, i)) == (i != 0));
    CHECK(isnan(at1(&f->col[1].array, i)) == (i != 1 && i != 4));
  }
  put_text("t.csv", "a\tb\n\t\n1\t2\n"); /* a row of nothing but missing values */
  f = read_try("t.csv");
  CHECK(f && rows(f) == 2 && isnan(at1(&f->col[0].array, 0)));
}

static void faults(void) {
  put_text("t.csv", "a,b\n1,2\n3,4\n5,6,7\n8,9\n");
  CHECK_STR(read_error("t.csv"), "t.csv:4: this row has 3 fields, but the header has 2");
  put_text("t.csv", "1,2\n3,4\n5\n8,9\n");
  CHECK_STR(read_error("t.csv"), "t.csv:3: this row has 1 field, but the first row has 2");
  put_text("t.csv", "a,b\n1,\"x\n2,3\n");
  CHECK(contains(read_error("t.csv"), "t.csv:2: "));
  CHECK(contains(cx_diag_get(ctx, 0).message, "never closed"));
  put_text("t.csv", "a,b\n1,2\n3,\"x\" y\n");
  CHECK_STR(read_error("t.csv"), "t.csv:3: column 2: text follows the closing quote");
  put_text("t.csv", "1;2\n\"x\" y;2\n"); /* found by the fuzzer: such a row in the sample for the decimal comma */
  CHECK_STR(read_error("t.csv"), "t.csv:2: column 1: text follows the closing quote");
  put_text("t.csv", "");
  CHECK_STR(read_error("t.csv"), "t.csv: the file is empty");
  put_text("t.csv", "\n\n \n");
  CHECK_STR(read_error("t.csv"), "t.csv: the file is empty");
  put_text("t.csv", "\xef\xbb\xbf");
  CHECK_STR(read_error("t.csv"), "t.csv: the file is empty");
  put("t.csv", "a,b\n1,2\n3,\0\n", 12);
  CHECK(contains(read_error("t.csv"), "zero bytes"));
  put("t.csv",
      "\xff\xfe"
      "a\0,\0",
      6);
  CHECK(contains(read_error("t.csv"), "UTF-16"));
  CHECK(contains(cx_diag_get(ctx, 0).help, "iconv"));
  CHECK_STR(read_error("t.cvs"), "t.cvs: there is no such file");
  CHECK_STR(cx_diag_get(ctx, 0).help, "did you mean t.csv?");
  mkdir("d", 0755);
  CHECK(contains(read_error("d"), "nothing in this folder"));
  CHECK(contains(read_error("t.csv/x"), "cannot be opened"));
  put_text("secret.csv", "1\n");
  chmod("secret.csv", 0);
  if (access("secret.csv", R_OK) != 0) CHECK_STR(read_error("secret.csv"), "secret.csv: no permission to read it");
  chmod("secret.csv", 0600);

  enum { BIG = 10 << 20 }; /* one line of 10 MB: a word, then numbers */
  char *s = malloc(BIG);
  memset(s, 'x', BIG);
  put("t.csv", s, BIG);
  cx_file *f = read_try("t.csv");
  CHECK(f && f->ncol == 1 && rows(f) == 1);
  for (int i = 0; i < BIG; i++) s[i] = i % 2 ? ',' : '1';
  put("t.csv", s, BIG);
  CHECK(contains(read_error("t.csv"), "t.csv:1: this row has more than"));
  put("t.csv", s, 400001);
  f = read_try("t.csv");
  CHECK(f && f->ncol == 200001 && rows(f) == 1);
  /* wide rows over many short ones must not ask for rows × columns */
  for (int i = 0; i < BIG; i++) s[i] = i % 2 ? i < 200 * 1000 && i % 1000 != 999 ? ',' : '\n' : '1';
  put("t.csv", s, BIG);
  CHECK_STR(read_error("t.csv"), "t.csv:201: this row has 1 field, but the first row has 500");
  uint64_t r = 1;
  for (int i = 0; i < 1 << 20; i++) {
    r = r * 6364136223846793005u + 1;
    s[i] = (char)(r >> 56);
  }
  put("t.csv", s, 1 << 20);
  CHECK(!read_try("t.csv"));
  free(s);
  fresh();
}

/* Large enough for several threads; row i is i, i/8, a word, and in the quoted version a text with a line break in
 * every 7th row. The values are known, so no other reader is needed. */
static void threads(bool quoted, bool blank_lines, bool late_word) {
  enum { N = 120000 };
  FILE *f = fopen("big.csv", "w");
  fprintf(f, "i,x,w,t\n");
  int64_t line = 2, *lines = malloc(N * sizeof *lines);
  for (int i = 0; i < N; i++) {
    if (blank_lines && i % 1000 == 3) {
      fprintf(f, "\n");
      line++;
    }
    lines[i] = line;
    bool split = quoted && i % 7 == 0;
    if (late_word && i == N - 10) fprintf(f, "late");
    else fprintf(f, "%d", i);
    fprintf(f, ",%.17g,w%d,%s\n", i / 8.0, i % 3, split ? "\"a,\nb\"" : "c");
    line += 1 + split;
  }
  fclose(f);
  cx_file *t = read_try("big.csv");
  CHECK(t && t->ncol == 4 && rows(t) == N);
  if (t && t->ncol == 4 && rows(t) == N) {
    int bad = 0;
    for (int i = 0; i < N; i++) {
      const cx_array *c = &t->col[0].array;
      if (!late_word) bad += at1(c, i) != i;
      bad += at1(&t->col[1].array, i) != i / 8.0 || word(&t->col[2], i)[1] != '0' + i % 3;
      bad += strcmp(word(&t->col[3], i), quoted && i % 7 == 0 ? "a,\nb" : "c") != 0;
      bad += line_of(c, i) != lines[i];
    }
    CHECK(bad == 0);
    CHECK((t->col[0].array.level != NULL) == late_word);
    CHECK(t->col[2].array.nlevel == 3);
  }
  free(lines);
  fresh();
}

static void late_faults(void) {
  FILE *f = fopen("big.csv", "w");
  for (int i = 0; i < 200000; i++) fputs(i == 150000 ? "1,2,3,4\n" : i == 180000 ? "1\n" : "7,2,3\n", f);
  fclose(f);
  CHECK_STR(read_error("big.csv"), "big.csv:150001: this row has 4 fields, but the first row has 3");
  f = fopen("big.csv", "w");
  for (int i = 0; i < 200000; i++) fputs(i == 150000 ? "\"1,2,3\n" : i == 100 ? "\"4\",2,3\n" : "7,2,3\n", f);
  fclose(f);
  CHECK(contains(read_error("big.csv"), "big.csv:150001: a quote is opened here and never closed"));
}

static void text(void) {
  put_text("t.txt", "first line\n\nthird, line\r\nlast");
  cx_file *f = read_try("t.txt");
  CHECK(f && !f->is_table && rows(f) == 4);
  if (f) {
    CHECK_STR(word(f->col, 0), "first line");
    CHECK_STR(word(f->col, 1), "");
    CHECK_STR(word(f->col, 2), "third, line");
    CHECK_STR(word(f->col, 3), "last");
  }
  put_text("t.txt", "1.5 2\n3 4\n"); /* numpy.savetxt */
  f = read_try("t.txt");
  CHECK(f && f->is_table && f->ncol == 2 && at1(&f->col[1].array, 1) == 4);
  put("t.txt", "a b\nc\0d e f\n", 12);
  CHECK(!read_try("t.txt"));
}

int main(void) {
  files_begin();
  dialects();
  headers();
  quotes();
  missing();
  faults();
  threads(false, false, false);
  threads(false, true, false);
  threads(true, false, false);
  threads(true, true, true);
  threads(false, false, true);
  late_faults();
  text();
  files_end();
  return CHECK_DONE();
}
