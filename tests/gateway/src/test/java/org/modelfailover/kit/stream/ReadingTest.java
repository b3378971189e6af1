package org.modelfailover.kit.stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import static java.nio.charset.StandardCharsets.UTF_8;

import org.junit.jupiter.api.Test;

import software.amazon.eventstream.HeaderValue;
import software.amazon.eventstream.Message;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/** A reader that takes everything for a good stream shows nothing: each finds what it is for. */
class ReadingTest {
    private static final String TEXT =
            "data: {'id':'1','object':'chat.completion.chunk',"
                    + "'choices':[{'index':0,'delta':{'content':'Hi'},'finish_reason':null}]}\n\n";
    private static final String FINISH =
            "data: {'id':'1','object':'chat.completion.chunk',"
                    + "'choices':[{'index':0,'delta':{},'finish_reason':'stop'}]}\n\n";
    private static final String USAGE =
            "data: {'id':'1','object':'chat.completion.chunk','choices':[],'usage':"
                    + "{'prompt_tokens':1,'completion_tokens':1,'total_tokens':2}}\n\n";
    private static final String DONE = "data: [DONE]\n\n";
    private static final String ERROR = "data: {'error':{'message':'broke off'}}\n\n";

    private static Reading read(Format format, byte[] body) {
        return format.read(List.of(new Piece(0, body)), false);
    }

    private static Reading read(Format format, String body) {
        return read(format, body.replace('\'', '"').getBytes(UTF_8));
    }

    private static void isWhole(Format format, String body) {
        Reading reading = read(format, body);
        assertEquals(List.of(), reading.faults());
        assertTrue(reading.isWhole());
        assertEquals("Hi", reading.text());
    }

    private static void hasFault(String fault, Reading reading) {
        assertFalse(reading.isWhole());
        assertTrue(
                reading.faults().stream().anyMatch(f -> f.contains(fault)),
                "'" + fault + "' is not among " + reading.faults());
    }

    private static void hasFault(String fault, Format format, String body) {
        hasFault(fault, read(format, body));
    }

    @Test
    void aChatIsWholeWithFinishReasonAndEndMarker() {
        isWhole(Format.CHAT, TEXT + FINISH + USAGE + DONE);
        hasFault("neither", Format.CHAT, TEXT + FINISH);
        hasFault("neither", Format.CHAT, TEXT);
        hasFault("without a finish reason", Format.CHAT, TEXT + DONE);
        hasFault("something after", Format.CHAT, TEXT + FINISH + DONE + TEXT);
        hasFault("the connection broke", broken(TEXT + FINISH + DONE));
    }

    private static Reading broken(String body) {
        return Format.CHAT.read(
                List.of(new Piece(0, body.replace('\'', '"').getBytes(UTF_8))), true);
    }

    @Test
    void aChatThatEndsInItsErrorIsGoodAndNotWhole() {
        Reading reading = read(Format.CHAT, TEXT + ERROR);
        assertEquals(List.of(), reading.faults());
        assertEquals("broke off", reading.error());
        assertFalse(reading.isWhole());
        hasFault("[DONE] after an error", Format.CHAT, TEXT + ERROR + DONE);
        hasFault("something after", Format.CHAT, TEXT + ERROR + TEXT);
        hasFault("says nothing", Format.CHAT, TEXT + ERROR.replace("broke off", ""));
    }

    @Test
    void aSeamInAChatIsFound() {
        String other = TEXT.replace("'id':'1'", "'id':'2'");
        String role = TEXT.replace("'content':'Hi'", "'role':'assistant'");
        hasFault("several ids", Format.CHAT, TEXT + other + FINISH + DONE);
        hasFault("a second role", Format.CHAT, role + TEXT + role + FINISH + DONE);
        hasFault("a second finish reason", Format.CHAT, TEXT + FINISH + FINISH + DONE);
        hasFault("after the finish reason", Format.CHAT, FINISH + TEXT + DONE);
        hasFault("a second usage", Format.CHAT, TEXT + FINISH + USAGE + USAGE + DONE);
        String wrong = USAGE.replace("'total_tokens':2", "'total_tokens':3");
        hasFault("does not add up", Format.CHAT, TEXT + FINISH + wrong + DONE);
    }

    @Test
    void whatIsNoServerSentEventIsFound() {
        isWhole(Format.CHAT, "\uFEFF: hello\r\n\r\n" + TEXT.replace("\n", "\r\n") + FINISH + DONE);
        isWhole(Format.CHAT, TEXT.replace(",'choices'", ",\ndata: 'choices'") + FINISH + DONE);
        hasFault("not the format's", Format.CHAT, TEXT + "data: {'id':\n\n" + FINISH + DONE);
        hasFault("no field", Format.CHAT, TEXT + "{'id':'1'}\n\n" + FINISH + DONE);
        hasFault("in the middle of an event", Format.CHAT, TEXT + FINISH + "data: [DONE]\n");
        hasFault("without data", Format.CHAT, TEXT + "event: ping\n\n" + FINISH + DONE);
        byte[] cutLetter = {':', ' ', (byte) 0xC3, 'x', '\n', '\n'};
        hasFault("no UTF-8", read(Format.CHAT, cutLetter));
    }

    @Test
    void theFirstUsefulEventIsTimedByTheBytesThatCompleteIt() {
        List<Piece> pieces = new ArrayList<>();
        for (byte b : (TEXT + FINISH + DONE).replace('\'', '"').getBytes(UTF_8)) {
            pieces.add(new Piece(pieces.size(), new byte[] {b}));
        }
        Reading reading = Format.CHAT.read(pieces, false);
        assertTrue(reading.isWhole());
        assertEquals(TEXT.length() - 1, reading.usefulAfter());
        assertNull(read(Format.CHAT, ERROR).usefulAfter());
    }

    private static String named(String... events) {
        StringBuilder all = new StringBuilder();
        for (String event : events) {
            String type = event.replaceFirst(".*?'type':'([^']*)'.*", "$1");
            all.append("event: ").append(type).append("\ndata: ").append(event).append("\n\n");
        }
        return all.toString();
    }

    @Test
    void responsesAreNumberedAndSayTheSameTwice() {
        String created = "{'type':'response.created','sequence_number':0,'response':{'id':'r'}}";
        String added =
                "{'type':'response.output_item.added','sequence_number':1,'output_index':0,"
                        + "'item':{'id':'i'}}";
        String delta =
                "{'type':'response.output_text.delta','sequence_number':2,'output_index':0,"
                        + "'item_id':'i','delta':'Hi'}";
        String done =
                "{'type':'response.output_text.done','sequence_number':3,'output_index':0,"
                        + "'item_id':'i','text':'Hi'}";
        String completed =
                "{'type':'response.completed','sequence_number':4,'response':{'id':'r',"
                        + "'output':[{'content':[{'text':'Hi'}]}]}}";
        Format format = Format.RESPONSES;
        isWhole(format, named(created, added, delta, done, completed));
        hasFault("number 3 after 1", format, named(created, added, done, completed));
        hasFault("response.created is", format, named(created, created.replace('0', '1')));
        hasFault("the deltas said", format, named(created, added, done.replace("3", "2")));
        hasFault("item 0 is i", format, named(created, added, delta.replace("'i'", "'j'")));
        hasFault(
                "the response has 'Ho'",
                format,
                named(created, added, delta, done, completed.replace("'Hi'", "'Ho'")));
        String failed =
                "{'type':'response.failed','sequence_number':2,'response':{'id':'r',"
                        + "'error':{'message':'broke off'}}}";
        Reading reading = read(format, named(created, added, failed));
        assertEquals(List.of(), reading.faults());
        assertEquals("broke off", reading.error());
    }

    private static final String[] MESSAGE = {
        "{'type':'message_start','message':{'id':'m','usage':{'input_tokens':1}}}",
        "{'type':'content_block_start','index':0,'content_block':{'type':'text','text':''}}",
        "{'type':'content_block_delta','index':0,'delta':{'type':'text_delta','text':'Hi'}}",
        "{'type':'content_block_stop','index':0}",
        "{'type':'message_delta','delta':{'stop_reason':'end_turn'},'usage':{'output_tokens':1}}",
        "{'type':'message_stop'}"
    };

    private static String message(int... events) {
        List<String> some = new ArrayList<>();
        for (int event : events) {
            some.add(MESSAGE[event]);
        }
        return named(some.toArray(new String[0]));
    }

    @Test
    void messagesKeepTheirOrder() {
        Format format = Format.MESSAGES;
        isWhole(format, message(0, 1, 2, 3, 4, 5));
        hasFault("before message_start", format, message(1, 2, 3, 4, 5));
        hasFault("a second message_start", format, message(0, 0, 1, 2, 3, 4, 5));
        hasFault("begins in block", format, message(0, 1, 1, 2, 3, 4, 5));
        hasFault("block 0 after 1 blocks", format, message(0, 1, 2, 3, 1, 2, 3, 4, 5));
        hasFault("block -1 is open", format, message(0, 2, 3, 4, 5));
        hasFault("in block 0", format, message(0, 1, 2, 4, 5));
        hasFault("a second message_delta", format, message(0, 1, 2, 3, 4, 4, 5));
        hasFault("without a stop reason", format, message(0, 1, 2, 3, 5));
        hasFault("neither", format, message(0, 1, 2, 3, 4));
        String error = "{'type':'error','error':{'type':'api_error','message':'broke off'}}";
        Reading reading = read(format, message(0, 1, 2) + named(error));
        assertEquals(List.of(), reading.faults());
        assertEquals("broke off", reading.error());
        hasFault("not the type", format, "event: message\ndata: " + error + "\n\n");
    }

    private static final String PART =
            "{'responseId':'g','candidates':[{'content':{'parts':[{'text':'Hi'}]}}],"
                    + "'usageMetadata':{'promptTokenCount':1,'candidatesTokenCount':1,"
                    + "'totalTokenCount':2}}";
    private static final String STOP = "{'responseId':'g','candidates':[{'finishReason':'STOP'}]}";
    private static final String GOOGLES =
            "{'error':{'code':503,'message':'broke off','status':'UNAVAILABLE'}}";

    @Test
    void geminiEndsWithItsFinishReason() {
        isWhole(Format.GEMINI, "data: " + PART + "\n\ndata: " + STOP + "\n\n");
        hasFault("neither", Format.GEMINI, "data: " + PART + "\n\n");
        hasFault("something after", Format.GEMINI, ("data: " + STOP + "\n\n").repeat(2));
        String less = PART.replace("'candidatesTokenCount':1", "'candidatesTokenCount':0");
        hasFault("does not add up", Format.GEMINI, "data: " + less + "\n\n");
        String none = less.replace("'totalTokenCount':2", "'totalTokenCount':1");
        hasFault("shrinks", Format.GEMINI, "data: " + PART + "\n\ndata: " + none + "\n\n");
        assertEquals("broke off", read(Format.GEMINI, "data: " + GOOGLES + "\n\n").error());
    }

    @Test
    void anArrayIsReadElementByElement() {
        Format format = Format.GEMINI_ARRAY;
        isWhole(format, "[" + PART + "\n,\r\n" + STOP + "]\n");
        assertEquals("a]}\"b", read(format, "[" + PART.replace("Hi", "a]}\\'b") + "]").text());
        hasFault("not closed", format, "[" + PART + "," + STOP);
        hasFault("between the elements", format, "[" + PART + STOP + "]");
        hasFault("between the elements", format, "[" + PART + ",]");
        hasFault("between the elements", format, "[" + PART + "," + STOP + "][]");
        Reading reading = read(format, "[" + PART + "," + GOOGLES + "]");
        assertEquals(List.of(), reading.faults());
        assertEquals("broke off", reading.error());
    }

    private static byte[] messages(String... kindsNamesAndData) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (int i = 0; i < kindsNamesAndData.length; i += 3) {
            String kind = kindsNamesAndData[i];
            Map<String, HeaderValue> headers =
                    Map.of(
                            ":message-type",
                            HeaderValue.fromString(kind),
                            ":" + kind + "-type",
                            HeaderValue.fromString(kindsNamesAndData[i + 1]));
            byte[] payload = kindsNamesAndData[i + 2].replace('\'', '"').getBytes(UTF_8);
            byte[] message = new byte[new Message(headers, payload).toByteBuffer().remaining()];
            new Message(headers, payload).toByteBuffer().get(message);
            all.writeBytes(message);
        }
        return all.toByteArray();
    }

    private static final String[] CONVERSATION = {
        "event", "messageStart", "{'role':'assistant'}",
        "event", "contentBlockDelta", "{'contentBlockIndex':0,'delta':{'text':'Hi'}}",
        "event", "contentBlockStop", "{'contentBlockIndex':0}",
        "event", "messageStop", "{'stopReason':'end_turn'}"
    };

    @Test
    void aConversationEndsWithItsMessageStop() {
        byte[] body = messages(CONVERSATION);
        Reading whole = read(Format.CONVERSE, body);
        assertEquals(List.of(), whole.faults());
        assertTrue(whole.isWhole());
        byte[] shorter = new byte[body.length - 1];
        System.arraycopy(body, 0, shorter, 0, shorter.length);
        hasFault("in the middle of an AWS message", read(Format.CONVERSE, shorter));
        body[body.length - 1] ^= 1;
        hasFault("no AWS event stream", read(Format.CONVERSE, body));
        String[] twice = CONVERSATION.clone();
        twice[7] = "messageStart";
        hasFault("a second messageStart", read(Format.CONVERSE, messages(twice)));
        String[] thirdBlock = CONVERSATION.clone();
        thirdBlock[5] = thirdBlock[5].replace('0', '2');
        hasFault("block 0: ", read(Format.CONVERSE, messages(thirdBlock)));
    }

    @Test
    void anExceptionIsBedrocksError() {
        String data = "{'message':'broke off'}";
        for (Format format : List.of(Format.CONVERSE, Format.INVOKE)) {
            Reading known = read(format, messages("exception", "throttlingException", data));
            assertEquals(List.of(), known.faults());
            assertEquals("broke off", known.error());
            hasFault("no known type", read(format, messages("exception", "someException", data)));
        }
    }

    @Test
    void aChunkHoldsAMessagesEvent() {
        List<String> chunks = new ArrayList<>();
        for (String event : MESSAGE) {
            byte[] inside = event.replace('\'', '"').getBytes(UTF_8);
            String bytes = Base64.getEncoder().encodeToString(inside);
            chunks.addAll(List.of("event", "chunk", "{'bytes':'" + bytes + "'}"));
        }
        Reading reading = read(Format.INVOKE, messages(chunks.toArray(new String[0])));
        assertEquals(List.of(), reading.faults());
        assertEquals("Hi", reading.text());
        assertTrue(reading.isWhole());
    }
}
